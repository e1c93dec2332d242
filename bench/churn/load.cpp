// The load of the churn scenario. The exit status is 0 only if every connection had its echo and ended in order.
#include "load_churn.hpp"

int main(int argc, char** argv) {
    return bench::load_main<bench::load_churn>("load of the churn benchmark", argc, argv);
}
