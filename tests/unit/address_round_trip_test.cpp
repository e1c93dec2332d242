// Properties over thousands of random addresses of every sort: text and bytes lead back to the same address.
#include "support/catch.hpp"
#include "support/many.hpp"

#include <cstring>
#include <map>
#include <random>
#include <string>
#include <string_view>

#include <coax/address.hpp>

#include "os/address.hpp"

using coax::address;

namespace {

class generator {
public:
    explicit generator(unsigned seed) : random_(seed) {}

    std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_); }

    int port() { return static_cast<int>(below(65536)); }

    std::string inet_host() {
        std::string host = std::to_string(below(256));
        for (int i = 0; i < 3; ++i)
            host += '.' + std::to_string(below(256));
        return host;
    }

    // Eight groups written out: zero runs of every length and place come about by chance.
    std::string inet6_host() {
        std::string host;
        const bool mapped = below(8) == 0;
        for (int group = 0; group < 8; ++group) {
            constexpr char digits[] = "0123456789abcdef";
            if (group > 0)
                host += ':';
            if (mapped && group < 6)
                host += group < 5 ? "0" : "ffff";
            else if (below(2) == 0)
                host += '0';
            else
                for (std::size_t length = 1 + below(4); length > 0; --length)
                    host += digits[below(16)];
        }
        if (below(3) == 0)
            host += '%' + std::to_string(below(2) == 0 ? below(9) : below(0x100000000));
        return host;
    }

    std::string name(std::size_t shortest, bool nul) {
        constexpr std::string_view pieces[] = {"/",  "@",        "\\",   "\\x00",    "a",       ":",  "[",
                                               " ",  "\xc3\xa9", "\x80", "\xe5\xa5", "unnamed", "%1", "\xe2\x80\xa8",
                                               "\n", "x4"};
        const std::size_t length = shortest + below(coax::os::local_name_limit + 1 - shortest);
        std::string made;
        while (made.size() < length) {
            if (below(2) == 0)
                made += pieces[below(std::size(pieces))];
            else
                made += static_cast<char>(nul ? below(256) : 1 + below(255));
        }
        made.resize(length);
        return made;
    }

    address any_address() {
        switch (below(7)) {
        case 0:
            return address("", port());
        case 1:
            return address("localhost", port());
        case 2:
            return address(inet_host(), port());
        case 3:
            return address(inet6_host(), port());
        case 4:
            return address::unix_path(name(1, false));
        case 5:
            return address::unix_abstract(name(0, true));
        default:
            return {};
        }
    }

private:
    std::mt19937 random_;
};

bool is_plain(std::string_view text) {
    for (const char c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            return false;
    return true;
}

} // namespace

TEST_CASE("parse(to_string()) is the identity, and no two addresses share a text") {
    generator random(2026);
    std::map<std::string, address> seen;
    for (int round = 0; round < support::many(20'000); ++round) {
        const address a = random.any_address();
        const std::string text = a.to_string();
        INFO(text);
        const std::optional<address> back = address::try_parse(text);
        if (!back || *back != a || (*back <=> a) != 0 || back->to_string() != text || !is_plain(text))
            FAIL("does not come back as it was");
        const auto [place, fresh] = seen.try_emplace(text, a);
        if (!fresh && place->second != a)
            FAIL("is the text of two addresses");
        if (back->family() != a.family() || back->host() != a.host() || back->port() != a.port() ||
            back->path() != a.path() || back->abstract_name() != a.abstract_name() || back->scope_id() != a.scope_id())
            FAIL("differs in a part");
    }
    CHECK(seen.size() > support::many(10'000U));
}

TEST_CASE("the kernel's form leads back to the same address") {
    using native = coax::detail::native_address;
    generator random(110);
    address reused;
    for (int round = 0; round < support::many(20'000); ++round) {
        const address a = random.any_address();
        if (a.is_placeholder())
            continue;
        std::memcpy(native::storage(reused), native::data(a), native::size(a));
        native::commit(reused, native::size(a));
        if (reused != a || std::hash<address>()(reused) != std::hash<address>()(a) ||
            reused.to_string() != a.to_string())
            FAIL(a.to_string() << " came back as " << reused.to_string());
    }
}

TEST_CASE("order agrees with equality, and is a strict one") {
    generator random(7);
    for (int round = 0; round < support::many(20'000); ++round) {
        const address a = random.any_address();
        const address b = random.any_address();
        const address c = random.any_address();
        const bool consistent =
            ((a <=> b) == 0) == (a == b) && ((a < b) == (b > a)) && !(a < a) && (!(a < b && b < c) || a < c);
        if (!consistent)
            FAIL(a << ", " << b << ", " << c);
    }
}

TEST_CASE("whatever text is accepted has one meaning") {
    generator random(81);
    int accepted = 0;
    for (int round = 0; round < support::many(50'000); ++round) {
        std::string text = random.any_address().to_string();
        for (std::size_t edits = random.below(4); edits > 0; --edits)
            text.replace(random.below(text.size() + 1), random.below(3), random.name(0, true).substr(0, 1));
        const std::optional<address> a = address::try_parse(text);
        if (!a)
            continue;
        ++accepted;
        INFO(text);
        if (address::try_parse(a->to_string()) != a)
            FAIL("does not come back as it was");
    }
    CHECK(accepted > support::many(10'000));
}
