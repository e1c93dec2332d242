// The search for separators in a stream's input: however the bytes are split, it finds what `std::string_view::find` finds in the whole.
//
// The input: two bytes of separator (one, if they are the same), one that says how the rest is split and limited, the text.
#include <coax/detail/stream_state.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

namespace {

void check(bool condition) {
    if (!condition)
        std::abort();
}

void search(std::string_view separator, std::string_view text, std::size_t piece, std::size_t limit) {
    coax::detail::input_buffer buffer;
    std::size_t at = 0; // where the next part begins in the text
    std::string memory;
    for (std::size_t fed = 0;;) {
        coax::slice part;
        while (buffer.has_one(separator, limit, part)) {
            const std::size_t end = text.find(separator, at);
            check(end != std::string_view::npos);
            check(part.text() == text.substr(at, end + separator.size() - at));
            check(part.size() <= limit);
            at += part.size();
        }
        // What is left has no separator within the limit.
        const auto left = text.substr(at, fed - at);
        check(coax::slice(buffer.unread()).text() == left);
        check(left.substr(0, limit).find(separator) == std::string_view::npos);
        if (buffer.size() >= limit) {
            check(buffer.has_some(limit, part));
            at += part.size();
            continue;
        }
        if (fed == text.size())
            return;
        const std::string_view next = text.substr(fed, piece);
        fed += next.size();
        if (buffer.empty()) {
            memory = next;
            buffer.take_over(
                coax::chunk(nullptr, std::as_writable_bytes(std::span(memory)).data(), memory.size(), true));
        } else {
            buffer.append(std::as_bytes(std::span(next)));
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 3)
        return 0;
    const std::string_view input(static_cast<const char*>(static_cast<const void*>(data)), size);
    const std::string_view separator = input.substr(0, input[0] == input[1] ? 1 : 2);
    const std::string_view text = input.substr(3);
    const std::size_t piece = 1 + data[2] % 16;
    const std::size_t limit = data[2] < 128 ? text.size() + 1 : 1 + data[2] % 32;
    search(separator, text, piece, limit);
    // And at every single place.
    for (std::size_t split = 1; split < std::min<std::size_t>(text.size(), 64); ++split)
        search(separator, text, split, limit);
    return 0;
}
