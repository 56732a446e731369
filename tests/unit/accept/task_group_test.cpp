#include "base/task_group.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace lintas;
using namespace std::chrono_literals;

namespace {

/// Runs what is ready; a loop that ran out of work before must be told to start again.
void turn(asio::io_context& loop) {
    loop.restart();
    loop.poll();
}

Task<void> wait_for_ever(int& ended) {
    asio::steady_timer timer{co_await asio::this_coro::executor,
                             asio::steady_timer::time_point::max()};
    boost::system::error_code ec;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    ++ended;
}

Task<void> wait_and_throw() {
    asio::steady_timer timer{co_await asio::this_coro::executor,
                             asio::steady_timer::time_point::max()};
    co_await timer.async_wait(asio::use_awaitable);  // Asio's own exception when it is cancelled
}

Task<void> at_once(int& ended) {
    ++ended;
    co_return;
}

Task<void> leak() {
    throw std::runtime_error{"a bug"};
    co_return;
}

Task<void> join_into(TaskGroup& group, std::chrono::milliseconds limit,
                     std::optional<bool>& joined) {
    joined = co_await group.join_for(limit);
}

}  // namespace

TEST_CASE("task group: tasks start from the loop, and joiners wait for all of them",
          "[unit][base]") {
    asio::io_context loop;
    TaskGroup group{loop.get_executor()};
    int ended = 0;
    group.spawn("quick", at_once(ended));
    asio::cancellation_signal& signal = group.spawn("slow", wait_for_ever(ended));
    CHECK(ended == 0);
    std::optional<bool> first;
    std::optional<bool> second;
    asio::co_spawn(loop, join_into(group, 1h, first), asio::detached);
    asio::co_spawn(loop, join_into(group, 2h, second), asio::detached);
    turn(loop);
    CHECK(ended == 1);
    CHECK(group.size() == 1);
    CHECK_FALSE(first.has_value());
    signal.emit(asio::cancellation_type::terminal);
    turn(loop);
    CHECK(ended == 2);
    CHECK(group.size() == 0);
    CHECK(first == true);
    CHECK(second == true);
}

TEST_CASE("task group: a join with a limit gives up, and a join of nothing returns at once",
          "[unit][base]") {
    asio::io_context loop;
    TaskGroup group{loop.get_executor()};
    std::optional<bool> joined;
    asio::co_spawn(loop, join_into(group, 0ms, joined), asio::detached);
    turn(loop);
    CHECK(joined == true);

    int ended = 0;
    group.spawn("slow", wait_for_ever(ended));
    asio::co_spawn(loop, join_into(group, 1ms, joined), asio::detached);
    joined.reset();
    loop.restart();
    while (!joined.has_value() && loop.run_one() > 0) {
    }
    CHECK(joined == false);
    group.cancel(asio::cancellation_type::terminal);
    turn(loop);
    CHECK(ended == 1);
}

TEST_CASE("task group: what leaks is told with the task's name, a cancellation is no leak",
          "[unit][base]") {
    asio::io_context loop;
    std::vector<std::string> leaks;
    TaskGroup group{loop.get_executor(), [&](std::string_view task, std::string_view what) {
                        leaks.push_back(std::string{task} + ": " + std::string{what});
                    }};
    group.spawn("leaky", leak());
    group.spawn("cancelled", wait_and_throw());
    int ended = 0;
    group.spawn("cancelled before it began", at_once(ended));
    group.cancel(asio::cancellation_type::terminal);
    turn(loop);
    CHECK(group.size() == 0);
    CHECK(ended == 0);

    group.spawn("leaky", leak());
    group.spawn("waits", wait_and_throw());
    turn(loop);
    group.cancel(asio::cancellation_type::terminal);
    turn(loop);
    CHECK(group.size() == 0);
    CHECK(leaks == std::vector<std::string>{"leaky: a bug"});
}

TEST_CASE("task group: one that goes first cancels its tasks", "[unit][base]") {
    asio::io_context loop;
    int ended = 0;
    {
        TaskGroup group{loop.get_executor()};
        group.spawn("slow", wait_for_ever(ended));
        turn(loop);
    }
    turn(loop);
    CHECK(ended == 1);
    TaskGroup never_run{loop.get_executor()};
    never_run.spawn("slow", wait_for_ever(ended));
}
