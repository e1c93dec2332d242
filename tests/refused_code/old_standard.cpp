#include <coax/coax.hpp>
