#pragma once
// The HTTP/1.1 front end: sockets in, RawRequest out, Reply back. Knows nothing of tables.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/deadline.hpp"
#include "base/error.hpp"
#include "base/http_message.hpp"
#include "base/task.hpp"

namespace lintas::accept {

/// What stands behind the front end. One object per thread; handle() is called on that thread's loop.
class Handler {
   public:
    virtual ~Handler() = default;

    /// Answers one request. `raw` lives until the returned task has finished. The session emits terminal
    /// cancellation when the client has gone; what is returned then is thrown away.
    /// Must not throw: what leaks is logged as a bug and costs the connection.
    virtual Task<Reply> handle(const RawRequest& raw, Deadline deadline) = 0;

    /// The reply to a request that never became one (malformed, too large, timed out, shed).
    virtual Reply refuse(const Error& error) = 0;
};

struct ServerLimits {
    std::size_t connections = 20000;  // all threads together
    std::size_t header_bytes = 16 * 1024;
    std::size_t target_bytes = 8 * 1024;
    std::size_t body_bytes = 8 * 1024 * 1024;
    std::chrono::milliseconds request_timeout{5000};
    std::chrono::milliseconds header_timeout{10000};
    std::chrono::milliseconds body_timeout{30000};
    std::chrono::milliseconds body_read_timeout{10000};  // between two reads of a body
    std::chrono::milliseconds idle_timeout{75000};
    std::chrono::milliseconds write_timeout{30000};      // a client that does not take its answer
};

}  // namespace lintas::accept
