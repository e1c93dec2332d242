// The load of the UDP scenario. The exit status is 0 only if every echo came and every byte of it was right.
#include "load_sockets.hpp"

int main(int argc, char** argv) {
    return bench::load_main<bench::load_sockets>("load of the UDP benchmark", argc, argv);
}
