/// \file
/// Everything but the formatters of coax/fmt.hpp.
#pragma once

#include <coax/address.hpp>
#include <coax/ancillary.hpp>
#include <coax/as_result.hpp>
#include <coax/byte_stream.hpp>
#include <coax/bytes_view.hpp>
#include <coax/cancel.hpp>
#include <coax/cancelled.hpp>
#include <coax/chunk.hpp>
#include <coax/clock.hpp>
#include <coax/codec.hpp>
#include <coax/codecs.hpp>
#include <coax/config.hpp>
#include <coax/connect.hpp>
#include <coax/error.hpp>
#include <coax/finally.hpp>
#include <coax/framing.hpp>
#include <coax/function_ref.hpp>
#include <coax/interface.hpp>
#include <coax/kind.hpp>
#include <coax/linger.hpp>
#include <coax/listener.hpp>
#include <coax/message_flags.hpp>
#include <coax/option.hpp>
#include <coax/proxy.hpp>
#include <coax/resolve.hpp>
#include <coax/result.hpp>
#include <coax/scheduler.hpp>
#include <coax/server.hpp>
#include <coax/shutdown_how.hpp>
#include <coax/signal.hpp>
#include <coax/slice.hpp>
#include <coax/socket.hpp>
#include <coax/socketpair.hpp>
#include <coax/stop_token.hpp>
#include <coax/stream.hpp>
#include <coax/stream_error.hpp>
#include <coax/sync/channel.hpp>
#include <coax/sync/condition.hpp>
#include <coax/sync/event.hpp>
#include <coax/sync/mutex.hpp>
#include <coax/sync/one_shot.hpp>
#include <coax/sync/semaphore.hpp>
#include <coax/task.hpp>
#include <coax/task_group.hpp>
#include <coax/task_handle.hpp>
#include <coax/time.hpp>
#include <coax/timeout.hpp>
#include <coax/to_thread.hpp>
#include <coax/when.hpp>

/// All of the library. What is in `coax::detail` is not for users.
namespace coax {}
