#pragma once
// The replication protocol's commands, which only the simple query protocol carries (PostgreSQL 15
// manual, 55.4 Streaming Replication Protocol). The connection is made by connect() with
// ConnectOptions::replication; it takes plain SQL as well.

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <string>

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "postgres/connect.hpp"
#include "postgres/rows.hpp"

namespace lintas::postgres {

/// One command, one result. Errors: sql, connection_lost, deadline_exceeded, cancelled; after the
/// last three the connection cannot be used any more. Thread: `io`'s only.
Task<Result<Rows>> simple_query(asio::io_context& io, PGconn* connection, std::string text,
                                Deadline deadline);

/// What IDENTIFY_SYSTEM says. On a standby: of what it has replayed.
struct SystemIdentity {
    std::uint64_t system_id = 0;
    std::uint32_t timeline = 0;
    std::string flushed;  // an LSN as text
};
Task<Result<SystemIdentity>> identify_system(asio::io_context& io, PGconn* connection,
                                             Deadline deadline);

/// The file that position::History::parse() reads. Errors also: sql 58P01, no such history (the
/// first timeline has none).
Task<Result<std::string>> timeline_history(asio::io_context& io, PGconn* connection,
                                           std::uint32_t timeline, Deadline deadline);

}  // namespace lintas::postgres
