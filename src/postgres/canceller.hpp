#pragma once
// PQcancel() opens a connection of its own and blocks; one thread per process does that for all.

#include <libpq-fe.h>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>

namespace lintas::postgres {

using CancelHandle = std::shared_ptr<PGcancel>;
/// How many requests for one connection are on their way. Until it is 0 again the server may still
/// be told, and would cancel whatever that connection does by then.
using CancelsPending = std::shared_ptr<std::atomic<int>>;

class Canceller {
 public:
    /// Never destroyed: a server that hangs keeps PQcancel() waiting, and must not keep the
    /// process.
    static Canceller& instance();

    /// Thread-safe, never blocks. Beyond kQueueLimit waiting requests one is dropped: the server's
    /// statement_timeout then ends the query.
    void request(CancelHandle handle, CancelsPending pending);

 private:
    static constexpr std::size_t kQueueLimit = 256;
    Canceller();
    void work();

    std::mutex mutex_;
    std::condition_variable wake_;
    struct Request {
        CancelHandle handle;
        CancelsPending pending;
    };
    std::deque<Request> queue_;
};

}  // namespace lintas::postgres
