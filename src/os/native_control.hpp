// The system's layout and names of control data. Included by src/os/control*.cpp and src/os/*_message.cpp only, before every other header of
// the system.
#pragma once

#include "os/native.hpp"

#ifdef _WIN32
#include <mswsock.h>
#else
#include <sys/time.h>
#endif

#include <cstddef>
#include <ctime>

#include "os/extensions.hpp"

#if defined(COAX_LINUX_EXTENSIONS)
#include <netinet/udp.h>
#endif

namespace coax::os {

#ifdef _WIN32
using native_control_header = WSACMSGHDR;
inline std::size_t control_length(std::size_t data) noexcept { return WSA_CMSG_LEN(data); }
inline std::size_t control_space(std::size_t data) noexcept { return WSA_CMSG_SPACE(data); }
#else
using native_control_header = cmsghdr;
inline std::size_t control_length(std::size_t data) noexcept { return CMSG_LEN(data); }
inline std::size_t control_space(std::size_t data) noexcept { return CMSG_SPACE(data); }
#endif

// Names of options and of control messages that not every system has; -1 is none anywhere. RFC 3542 gives those of IPv6; for IPv4 each
// system has its own, and the BSDs call what is received as the option that asks for it.
inline constexpr int absent = -1;

#ifdef SCM_RIGHTS
inline constexpr int control_rights = SCM_RIGHTS;
#else
inline constexpr int control_rights = absent;
#endif
#ifdef COAX_LINUX_EXTENSIONS
inline constexpr int control_process = 4; // SCM_PIDFD, a descriptor too (Linux 6.5)
#else
inline constexpr int control_process = absent;
#endif
#if defined(SCM_CREDENTIALS) && defined(COAX_LINUX_EXTENSIONS)
inline constexpr int control_credentials = SCM_CREDENTIALS;
inline constexpr int option_pass_credentials = SO_PASSCRED;
#else
inline constexpr int control_credentials = absent;
inline constexpr int option_pass_credentials = absent;
#endif
#if defined(SCM_TIMESTAMPNS) && defined(COAX_LINUX_EXTENSIONS)
inline constexpr int control_time = SCM_TIMESTAMPNS;
inline constexpr int option_time = SO_TIMESTAMPNS;
using native_time = timespec;
inline constexpr long native_time_unit = 1; // nanoseconds
inline long fraction_of(const native_time& time) noexcept { return static_cast<long>(time.tv_nsec); }
#else
using native_time = timeval;
inline constexpr long native_time_unit = 1000;
inline long fraction_of(const native_time& time) noexcept { return static_cast<long>(time.tv_usec); }
#ifdef SCM_TIMESTAMP
inline constexpr int control_time = SCM_TIMESTAMP;
inline constexpr int option_time = SO_TIMESTAMP;
#else
inline constexpr int control_time = absent;
inline constexpr int option_time = absent;
#endif
#endif

#ifdef IP_PKTINFO
inline constexpr int control_packet_info = IP_PKTINFO;
#else
inline constexpr int control_packet_info = absent;
#endif
#ifdef IP_RECVDSTADDR // FreeBSD and OpenBSD; FreeBSD's IP_SENDSRCADDR is the same number
inline constexpr int control_destination = IP_RECVDSTADDR;
#else
inline constexpr int control_destination = absent;
#endif
#if defined(IP_RECVIF) && !defined(_WIN32)
inline constexpr int control_interface = IP_RECVIF;
#else
inline constexpr int control_interface = absent;
#endif
#if defined(IP_RECVPKTINFO)
inline constexpr int option_packet_info = IP_RECVPKTINFO;
#elif defined(IP_PKTINFO)
inline constexpr int option_packet_info = IP_PKTINFO;
#else
inline constexpr int option_packet_info = control_destination;
#endif
#if defined(IPV6_RECVPKTINFO)
inline constexpr int option_packet_info6 = IPV6_RECVPKTINFO;
#else
inline constexpr int option_packet_info6 = IPV6_PKTINFO;
#endif
#ifdef IP_RECVTOS
inline constexpr int option_traffic_class = IP_RECVTOS;
#else
inline constexpr int option_traffic_class = absent;
#endif
#ifdef IPV6_RECVTCLASS
inline constexpr int option_traffic_class6 = IPV6_RECVTCLASS;
#else
inline constexpr int option_traffic_class6 = absent;
#endif
#ifdef IPV6_TCLASS
inline constexpr int control_traffic_class6 = IPV6_TCLASS;
#else
inline constexpr int control_traffic_class6 = absent;
#endif
#ifdef IP_RECVTTL
inline constexpr int option_hop_limit = IP_RECVTTL;
#else
inline constexpr int option_hop_limit = absent;
#endif
#if defined(IPV6_RECVHOPLIMIT)
inline constexpr int option_hop_limit6 = IPV6_RECVHOPLIMIT;
#else
inline constexpr int option_hop_limit6 = IPV6_HOPLIMIT;
#endif

// IPv4's own, to be set for one datagram: Linux takes an int and a byte, FreeBSD a byte, Windows an int.
#if defined(__linux__) || defined(_WIN32) || defined(__FreeBSD__)
inline constexpr int control_traffic_class_out = IP_TOS;
#else
inline constexpr int control_traffic_class_out = absent;
#endif
#if defined(__linux__) || defined(_WIN32)
inline constexpr int control_hop_limit_out = IP_TTL;
#else
inline constexpr int control_hop_limit_out = absent;
#endif
#ifdef __FreeBSD__
using native_tos = std::uint8_t;
#else
using native_tos = int;
#endif

// Segmentation offload. Headers of older C libraries lack the names.
#if defined(COAX_LINUX_EXTENSIONS)
inline constexpr int control_segment_in = 104;  // UDP_GRO
inline constexpr int control_segment_out = 103; // UDP_SEGMENT
using native_segment_size = std::uint16_t;
#elif defined(_WIN32)
inline constexpr int control_segment_in = 3;  // UDP_COALESCED_INFO
inline constexpr int control_segment_out = 2; // UDP_SEND_MSG_SIZE
using native_segment_size = std::uint32_t;
#else
inline constexpr int control_segment_in = absent;
inline constexpr int control_segment_out = absent;
using native_segment_size = std::uint16_t;
#endif

} // namespace coax::os
