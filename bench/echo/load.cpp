// The load of the echo scenario. The exit status is 0 only if every byte of every echo was right.
#include "load_connections.hpp"

int main(int argc, char** argv) {
    return bench::load_main<bench::load_connections>("load of the echo benchmark", argc, argv);
}
