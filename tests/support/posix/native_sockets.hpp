// The structures and numbers of the system's sockets.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

using native_control_length = decltype(cmsghdr::cmsg_len);
