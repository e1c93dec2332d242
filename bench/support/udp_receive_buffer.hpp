// How much a UDP server's socket holds.
#pragma once

namespace bench {

/// Bytes, for SO_RCVBUF. The system's default has room for about two hundred small datagrams: a load that keeps more on
/// their way would measure how often it has to send again. Systems that allow less than this give what they allow.
inline constexpr int udp_receive_buffer = 1 << 20;

} // namespace bench
