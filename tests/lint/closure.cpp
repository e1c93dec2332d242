// co_await over temporary lambdas.
#include "declared.hpp"

coax::task<> closures(std::string text, int n, std::shared_ptr<int> shared, std::string& reference) {
    std::vector<int> numbers;
    co_await call([text] { sink(text); });                            // expect: closure
    co_await call([n, text] { sink(text, n); });                      // expect: closure
    co_await call([numbers = std::move(numbers)] { sink(numbers); }); // expect: closure
    co_await call([copy = std::string("x")] { sink(copy); });         // expect: closure
    co_await take([shared] { return *shared; }());                    // expect: closure
    co_await [text]() -> coax::task<> { co_await more(); }();         // expect: closure

    co_await call([&] { sink(text, numbers); });
    co_await call([&text, n] { sink(text, n); });
    co_await call([n, m = 2] { sink(n, m); });
    co_await call([] { sink(); });
    auto named = [text] { sink(text); };
    co_await call(std::move(named));
    call([text] { sink(text); });
    int matrix[2][2] = {};
    co_await take(matrix[n][n]);
    auto [first, second] = co_await two();
}
