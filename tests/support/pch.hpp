// What nearly every conformance test includes, compiled once. The tests include it themselves as well.
#pragma once

#include "support/catch.hpp"
#include "support/net.hpp"
#include "support/runtime.hpp"
