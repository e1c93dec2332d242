// What is no code: comments, strings, directives. And code that is hard to read.
#include "declared.hpp"

/* coax::task<> f() { if (co_await more()) sink(); } */
// coax::task<> f() { if (co_await more()) sink(); } \
   coax::task<> g() { if (co_await more()) sink(); }
const char* raw = R"cpp(coax::task<> f() { if (co_await more()) sink(); } )" )cpp";
const char* escaped = "\"{ co_await (b ? make() : other())";
char quote = '"', brace = '{';
int separated = 1'000'000;
#define AWAIT_IT(x) \
    if (co_await x) \
    sink()

#if 0
coax::task<> left_out() { if (co_await more()) sink(); }
don't {
#endif

#ifdef A
coax::task<> either(int a) {
#else
coax::task<> either() {
#endif
    if (co_await more()) // expect: condition
        sink();
}

#if defined(B)
coax::task<> in_a_branch() {
    if (co_await more()) // expect: condition
        sink();
}
#else
coax::task<> in_the_other() {
    if (co_await more()) // expect: condition
        sink();
}
#endif

namespace one::two {
extern "C" {
coax::task<> inside() {
    if (not co_await more()) // expect: condition
        sink();
}
}
enum class kind : int { a, b };
struct [[nodiscard]] attributed final : base<int, 2> {
    coax::task<bool> operator()(int) const {
        if (co_await more()) // expect: condition
            co_return true;
    }
    bool operator<(const attributed&) const = default;
    explicit operator bool() const { return true; }
};
template <class T>
concept awaited = requires(T t) {
    { t.get() } -> std::same_as<int>;
};
int values[] = {1, 2};
} // namespace one::two

coax::task<> allowed(bool b) {
    const int n = 2;
    co_await take(b ? make() : other_made()); // coax-lint: allow conditional, both give an int
    // coax-lint: allow conditional
    co_await take(b ? make() : other_made());
    co_await take(b ? make() : other_made()); // coax-lint: allow braces  expect: conditional
}
