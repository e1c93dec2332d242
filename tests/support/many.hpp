// How often something happens that has to go well very often.
#pragma once

namespace support {

/// So many times; a tenth of it under a sanitizer, to which each costs ten times as much and which sees a fault when it first happens, and
/// on Windows, where exceptions are as dear. Not for races: those need their ten thousand rounds everywhere.
template <class Count>
constexpr Count many(Count count) noexcept {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(_WIN32)
    return count / 10;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    return count / 10;
#else
    return count;
#endif
#else
    return count;
#endif
}

} // namespace support
