#pragma once
// Reads the whole catalogue in one transaction: connection → snapshot.

#include <string>
#include <vector>

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "schema/decode.hpp"

namespace lintas::postgres {
class Connection;
}

namespace lintas::schema {

struct LoadOptions {
    std::vector<std::string> schemas{};  // exposed ones, as api.schemas names them
};

/// One read-only transaction, one round trip. A schema that does not exist is no error; see Loaded.
/// Waits for whoever holds an AccessExclusiveLock on an exposed view, up to the deadline, which
/// also is the statements' statement_timeout. Errors: those of Connection::run(), sql (the server
/// refused a query), internal (decode()). Cancel: safe; then, and after deadline_exceeded, the
/// connection may still be inside the transaction: close it. After every other outcome it is as it
/// was. Thread: the connection's.
Task<Result<Loaded>> load(postgres::Connection& connection, const LoadOptions& options,
                          Deadline deadline);

}  // namespace lintas::schema
