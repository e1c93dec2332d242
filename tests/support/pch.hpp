// What nearly every conformance test includes, compiled once. The tests include it themselves as well.
// Without `#pragma once`: for GCC this is a file of its own, and it warns.

#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"
