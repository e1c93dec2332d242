// A result becomes `std::expected` where there is one.
#include <coax/result.hpp>

#if __has_include(<expected>)
#include <expected>
#endif

#include <utility>

#if defined(__cpp_lib_expected)
int main() {
    const coax::result<int> good(3);
    const std::expected<int, coax::failure> same = good;
    coax::result<int> bad(coax::failure(std::make_error_code(std::errc::connection_reset)));
    std::expected<int, coax::failure> failed = std::move(bad);
    const std::expected<void, coax::failure> nothing = coax::result<void>();
    return same.value() == 3 && !failed && failed.error() == std::errc::connection_reset && nothing ? 0 : 1;
}
#else
int main() { return 77; } // skipped
#endif
