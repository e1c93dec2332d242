// Not refused, and without a warning: options of which only one is named.
#include <coax/coax.hpp>

#include <chrono>

coax::scheduler_options a{.backend = coax::backend_kind::poll};
coax::task_group_options b{.collect_failures = true};
coax::serve_options c{.max_connections = 1};
coax::connection_options d{.max_pending = 1};
coax::resolve_hints e{.family = coax::family::inet};
coax::server_options f{.backlog = 1};
coax::stream_options g{.buffer_size = 1};
coax::framed_options h{.max_frame = 1};
