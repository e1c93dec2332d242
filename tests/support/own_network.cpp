// A launcher: makes a network of its own, then becomes the program it is given. In it the loopback interface carries multicast of both families
// (on a machine's own one Linux has no route for that over IPv6), and there is a second interface, "coax0", that leads nowhere.
//
//     own_network PROGRAM [ARGUMENT...]
//
// The program finds COAX_TESTS_OWN_NETWORK in its environment. Where no network can be made the program runs in that of the machine; with COAX_TESTS_REQUIRE in the environment that is a failure.
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

constexpr int failed_to_launch = 125;

bool write_to(const char* path, const std::string& text) {
    const int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file == -1)
        return false;
    const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    close(file);
    return written;
}

/// Who may make no network may make one among users of its own, of which it is itself the only one.
bool leave_network() {
    if (unshare(CLONE_NEWNET) == 0)
        return true;
    const std::string user = std::to_string(getuid());
    const std::string group = std::to_string(getgid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 && write_to("/proc/self/setgroups", "deny") &&
           write_to("/proc/self/uid_map", user + ' ' + user + " 1") &&
           write_to("/proc/self/gid_map", group + ' ' + group + " 1");
}

/// One request to the kernel's networking, rtnetlink(7).
class request {
public:
    template <class Body>
    request(unsigned short type, unsigned flags, const Body& body) {
        head_.nlmsg_type = type;
        head_.nlmsg_flags = static_cast<unsigned short>(NLM_F_REQUEST | NLM_F_ACK | flags);
        append(&body, sizeof body);
    }

    request& with(unsigned short attribute, const void* data, std::size_t size) {
        const rtattr head{static_cast<unsigned short>(RTA_LENGTH(size)), attribute};
        append(&head, sizeof head);
        append(data, size);
        return *this;
    }
    request& with(unsigned short attribute, int number) { return with(attribute, &number, sizeof number); }
    request& with_host(unsigned short attribute, const char* host) {
        unsigned char bytes[16] = {};
        const bool inet6 = std::string_view(host).find(':') != std::string_view::npos;
        inet_pton(inet6 ? AF_INET6 : AF_INET, host, bytes);
        return with(attribute, bytes, inet6 ? 16 : 4);
    }

    /// Whether the kernel has done it; errno otherwise.
    bool carried_out() {
        head_.nlmsg_len = static_cast<unsigned>(sizeof head_ + body_.size());
        const std::string message = std::string(reinterpret_cast<const char*>(&head_), sizeof head_) + body_;
        const int kernel = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
        char answer[1024] = {};
        const bool told = send(kernel, message.data(), message.size(), 0) == static_cast<ssize_t>(message.size()) &&
                          recv(kernel, answer, sizeof answer, 0) >= static_cast<ssize_t>(NLMSG_LENGTH(sizeof(int)));
        close(kernel);
        if (!told)
            return false;
        int error = 0;
        std::memcpy(&error, answer + NLMSG_HDRLEN, sizeof error);
        errno = -error;
        return error == 0;
    }

private:
    void append(const void* data, std::size_t size) {
        body_.append(static_cast<const char*>(data), size);
        body_.append(NLMSG_ALIGN(size) - size, '\0');
    }

    nlmsghdr head_{};
    std::string body_;
};

bool switch_on(const char* name) {
    ifinfomsg link{};
    link.ifi_index = static_cast<int>(if_nametoindex(name));
    link.ifi_flags = IFF_UP;
    link.ifi_change = IFF_UP;
    return request(RTM_NEWLINK, 0, link).carried_out();
}

bool add_address(const char* name, const char* host, unsigned char prefix, std::string label = {}) {
    ifaddrmsg address{};
    const bool inet6 = std::string_view(host).find(':') != std::string_view::npos;
    address.ifa_family = inet6 ? AF_INET6 : AF_INET;
    address.ifa_prefixlen = prefix;
    address.ifa_flags = IFA_F_NODAD;
    address.ifa_index = if_nametoindex(name);
    request made(RTM_NEWADDR, NLM_F_CREATE, address);
    made.with_host(IFA_LOCAL, host).with_host(IFA_ADDRESS, host);
    if (!inet6)
        made.with_host(IFA_BROADCAST, "192.0.2.255");
    if (!label.empty())
        made.with(IFA_LABEL, label.c_str(), label.size() + 1);
    return made.carried_out();
}

/// A pair of interfaces, each of which is the other's network.
bool add_link() {
    const std::string_view kind = "veth";
    rtattr head{static_cast<unsigned short>(RTA_LENGTH(kind.size())), IFLA_INFO_KIND};
    std::string info(reinterpret_cast<const char*>(&head), sizeof head);
    info += kind;
    write_to("/proc/sys/net/ipv6/conf/default/accept_dad", "0"); // nobody else is there who may have an address
    return request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{})
               .with(IFLA_IFNAME, "coax0", 6)
               .with(IFLA_LINKINFO, info.data(), info.size())
               .carried_out() &&
           switch_on("coax0") && switch_on("veth0") && add_address("coax0", "192.0.2.1", 24) &&
           add_address("coax0", "192.0.2.2", 24, "coax0:1");
}

/// All groups, as what is delivered here: only so does what the loopback interface sends come back from it.
bool add_groups(const char* group, unsigned char prefix) {
    rtmsg route{};
    route.rtm_family = std::string_view(group).find(':') != std::string_view::npos ? AF_INET6 : AF_INET;
    route.rtm_dst_len = prefix;
    route.rtm_table = route.rtm_family == AF_INET6 ? RT_TABLE_LOCAL : RT_TABLE_MAIN;
    route.rtm_protocol = RTPROT_BOOT;
    route.rtm_scope = route.rtm_family == AF_INET6 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
    route.rtm_type = route.rtm_family == AF_INET6 ? RTN_LOCAL : RTN_UNICAST;
    return request(RTM_NEWROUTE, NLM_F_CREATE, route)
        .with_host(RTA_DST, group)
        .with(RTA_OIF, static_cast<int>(if_nametoindex("lo")))
        .carried_out();
}

bool make_network() {
    if (!leave_network() || !switch_on("lo") || !add_link() || !add_groups("224.0.0.0", 4))
        return false;
    const int inet6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (inet6 == -1) // a machine without IPv6
        return true;
    close(inet6);
    return add_groups("ff00::", 8) && add_address("lo", "fd00:c0a::2", 128) &&
           add_address("coax0", "fd00:c0a:1::1", 64);
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fputs("usage: own_network PROGRAM [ARGUMENT...]\n", stderr);
        return failed_to_launch;
    }
    if (make_network()) {
        setenv("COAX_TESTS_OWN_NETWORK", "1", 1);
    } else {
        std::fprintf(stderr, "own_network: there is none to be had: %s\n", std::strerror(errno));
        if (std::getenv("COAX_TESTS_REQUIRE") != nullptr)
            return failed_to_launch;
    }
    execvp(argv[1], argv + 1);
    std::fprintf(stderr, "own_network: %s: %s\n", argv[1], std::strerror(errno));
    return failed_to_launch;
}
