// The order in which the addresses of a name are tried. Source: RFC 8305 §4.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <vector>

#include <coax/address.hpp>

namespace coax {

/// The addresses that have not been tried, of IPv6 and of everything else.
class candidate_queue {
public:
    explicit candidate_queue(std::size_t of_first_family) noexcept : left_(std::max<std::size_t>(of_first_family, 1)) {}

    void prefer(std::optional<family> first) noexcept { turn_ = place_of(first); }
    void add(const address& candidate) { families_[place_of(candidate.family())].found.push_back(candidate); }
    bool empty() const noexcept { return families_[0].empty() && families_[1].empty(); }

    /// RFC 8305 §4: some of the first family, then the families in turns, and what is left of either.
    address next() {
        const std::size_t from = families_[turn_].empty() ? 1 - turn_ : turn_;
        line& taken = families_[from];
        const address candidate = taken.found[taken.tried++];
        if (from == turn_ && --left_ == 0) {
            turn_ = 1 - turn_;
            left_ = 1;
        }
        return candidate;
    }

private:
    static std::size_t place_of(std::optional<family> of) noexcept { return of == family::inet6 ? 0 : 1; }

    struct line {
        bool empty() const noexcept { return tried == found.size(); }
        std::vector<address> found;
        std::size_t tried = 0;
    };

    std::array<line, 2> families_;
    std::size_t turn_ = 0;
    std::size_t left_;
};

} // namespace coax
