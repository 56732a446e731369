#pragma once
// The coroutine type of the whole program.

#include <boost/asio/awaitable.hpp>

namespace lintas {

namespace asio = boost::asio;

template <class T>
using Task = asio::awaitable<T>;

}  // namespace lintas
