// Interfaces are looked up by a socket. Where there is no descriptor for one nothing is said of the interface.
#include "support/catch.hpp"
#include "support/net.hpp"

#include <string>
#include <system_error>

#include "few_descriptors.hpp"

TEST_CASE("without a descriptor an interface is not taken for one that does not exist") {
    const coax::interface_info known = coax::if_nameindex().front();
    coax::socket socket(coax::family::inet, coax::kind::datagram);
    const support::low_limit limit;
    {
        const support::no_more_descriptors none;
        CHECK(support::code_thrown_by([&] { coax::if_nametoindex(known.name); }) == std::errc::too_many_files_open);
        CHECK(support::code_thrown_by([&] { static_cast<void>(coax::interface_index(known.name)); }) ==
              std::errc::too_many_files_open);
        CHECK(support::code_thrown_by([&] { coax::if_indextoname(known.index); }) == std::errc::too_many_files_open);
        CHECK(support::code_thrown_by([&] { coax::if_nameindex(); }) == std::errc::too_many_files_open);
        CHECK(support::code_thrown_by([&] { socket.setsockopt(coax::option::multicast_interface, known.index); }) ==
              std::errc::too_many_files_open);
    }
    CHECK(coax::if_nametoindex(known.name) == known.index);
}
