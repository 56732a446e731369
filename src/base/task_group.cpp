#include "base/task_group.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <exception>
#include <list>
#include <utility>
#include <vector>

namespace lintas {

namespace {

struct Running {
    explicit Running(std::string_view name_) : name{name_} {}
    std::string_view name;
    asio::cancellation_signal signal{};
};

Task<void> start_from_the_loop(Task<void> task) {
    // Posted, so that the caller of spawn() holds the signal before the first line runs.
    boost::system::error_code ignored;
    co_await asio::post(asio::redirect_error(asio::use_awaitable, ignored));
    co_await std::move(task);
}

/// A task that was cancelled may end by the exception that Asio throws for it.
bool is_cancellation(const std::exception_ptr& leaked) {
    try {
        std::rethrow_exception(leaked);
    } catch (const boost::system::system_error& e) {
        return e.code() == asio::error::operation_aborted;
    } catch (...) {
        return false;
    }
}

std::string_view what_of(const std::exception_ptr& leaked) {
    try {
        std::rethrow_exception(leaked);
    } catch (const std::exception& e) {
        return e.what();  // lives as long as `leaked`
    } catch (...) {
        return "not a std::exception";
    }
}

}  // namespace

/// Shared with the tasks' completions, which may come when the group has gone.
struct TaskGroup::State {
    State(asio::any_io_executor executor_, Leak on_leak_)
        : executor{std::move(executor_)}, on_leak{std::move(on_leak_)} {}

    asio::any_io_executor executor;
    Leak on_leak;
    std::list<Running> running{};
    std::vector<asio::steady_timer*> joiners{};  // one timer each: a shared one cannot be re-armed
};

TaskGroup::TaskGroup(asio::any_io_executor executor, Leak on_leak)
    : state_{std::make_shared<State>(std::move(executor), std::move(on_leak))} {}

TaskGroup::~TaskGroup() {
    state_->on_leak = {};
    cancel(asio::cancellation_type::terminal);
}

asio::cancellation_signal& TaskGroup::spawn(std::string_view name, Task<void> task) {
    State& state = *state_;
    const auto entry = state.running.emplace(state.running.end(), name);
    asio::cancellation_signal& signal = entry->signal;
    auto ended = [shared = state_, entry](const std::exception_ptr& leaked) {
        if (leaked && shared->on_leak && !is_cancellation(leaked))
            shared->on_leak(entry->name, what_of(leaked));
        // The slot is in use until this handler has returned.
        asio::post(shared->executor, [shared, entry] {
            shared->running.erase(entry);
            if (!shared->running.empty()) return;
            for (asio::steady_timer* const joiner : shared->joiners) joiner->cancel();
        });
    };
    asio::co_spawn(state.executor, start_from_the_loop(std::move(task)),
                   asio::bind_cancellation_slot(signal.slot(), std::move(ended)));
    return signal;
}

void TaskGroup::cancel(asio::cancellation_type type) {
    // A task that ends now is erased later, from the loop: the list does not change under us.
    for (Running& task : state_->running) task.signal.emit(type);
}

Task<void> TaskGroup::join() {
    (void)co_await join_for(std::chrono::hours{24 * 365});
}

Task<bool> TaskGroup::join_for(std::chrono::steady_clock::duration limit) {
    struct Registered {
        explicit Registered(std::shared_ptr<State> state_, std::chrono::steady_clock::duration wait)
            : state{std::move(state_)}, timer{state->executor, wait} {
            state->joiners.push_back(&timer);
        }
        ~Registered() { std::erase(state->joiners, &timer); }
        Registered(const Registered&) = delete;
        Registered& operator=(const Registered&) = delete;
        std::shared_ptr<State> state;
        asio::steady_timer timer;
    };
    if (state_->running.empty()) co_return true;
    Registered joiner{state_, limit};
    boost::system::error_code ignored;
    co_await joiner.timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    co_return joiner.state->running.empty();
}

std::size_t TaskGroup::size() const {
    return state_->running.size();
}

}  // namespace lintas
