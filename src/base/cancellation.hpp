#pragma once
// For coroutines that run for ever and end tidily: they turn throw_if_cancelled off and ask.

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/task.hpp"

namespace lintas {

/// With throw_if_cancelled(false) a cancelled coroutine goes on until it asks.
inline Task<bool> is_cancelled() {
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    co_return state.cancelled() != asio::cancellation_type::none;
}

}  // namespace lintas
