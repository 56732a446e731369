#pragma once
// Owns coroutines that run beside each other: no spawn is detached, each can be cancelled and
// joined.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include "base/task.hpp"

namespace lintas {

/// Thread: all calls on the executor's thread, and all tasks run there.
/// Destroying it while tasks run emits terminal cancellation and leaves them to their executor;
/// join() first where they refer to something that goes away.
class TaskGroup {
 public:
    /// Told of an exception that leaked out of a task: a bug. `task` is the name given to spawn().
    using Leak = std::function<void(std::string_view task, std::string_view what)>;

    explicit TaskGroup(asio::any_io_executor executor, Leak on_leak = {});
    ~TaskGroup();
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;

    /// Starts `task` from the loop, never inline. `name` must have static storage.
    /// The signal that comes back cancels this task alone, and is valid until the task has ended.
    asio::cancellation_signal& spawn(std::string_view name, Task<void> task);

    /// Tasks spawned later are not affected.
    void cancel(asio::cancellation_type type);

    /// Returns when no task is left, at once if there is none. Cancel: returns early.
    Task<void> join();
    /// As join(); false when tasks were still running after `limit`, which goes on running then.
    Task<bool> join_for(std::chrono::steady_clock::duration limit);

    std::size_t size() const;

 private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace lintas
