// The place for what a backend notes in operations and descriptors, and nobody else knows of.
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>

namespace coax::backend {

/// What a backend keeps in the scratch area of an operation or a descriptor. All of it is zero when an operation begins, and when a
/// descriptor is attached.
template <class State, class Owner>
State& noted(Owner& owner) noexcept {
    static_assert(std::is_trivially_copyable_v<State> && std::is_trivially_destructible_v<State>);
    static_assert(sizeof(State) <= Owner::scratch_size && alignof(State) <= Owner::scratch_alignment);
    return *std::launder(reinterpret_cast<State*>(owner.scratch));
}
template <class State, class Owner>
const State& noted(const Owner& owner) noexcept {
    static_assert(sizeof(State) <= Owner::scratch_size && alignof(State) <= Owner::scratch_alignment);
    return *std::launder(reinterpret_cast<const State*>(owner.scratch));
}

} // namespace coax::backend
