#pragma once
// Opening a libpq connection without blocking: names are resolved by Asio, the handshake is polled.

#include <libpq-fe.h>

#include <boost/asio/io_context.hpp>
#include <memory>

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "postgres/connection.hpp"

namespace lintas::postgres {

struct FinishConnection {
    void operator()(PGconn* conn) const { PQfinish(conn); }
};
using ConnectionHandle = std::unique_ptr<PGconn, FinishConnection>;

/// Errors: connect_failed (details: libpq's message), deadline_exceeded, cancelled.
Task<Result<ConnectionHandle>> connect(asio::io_context& io, const ConnectOptions& options,
                                       Deadline deadline);

}  // namespace lintas::postgres
