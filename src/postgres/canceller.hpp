#pragma once
// PQcancel() opens a connection of its own and blocks; one thread per process does that for all.

#include <libpq-fe.h>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>

namespace lintas::postgres {

using CancelHandle = std::shared_ptr<PGcancel>;

class Canceller {
 public:
    /// Never destroyed: a server that hangs keeps PQcancel() waiting, and must not keep the process.
    static Canceller& instance();

    /// Thread-safe, never blocks. Beyond kQueueLimit waiting requests one is dropped: the server's
    /// statement_timeout then ends the query.
    void request(CancelHandle handle);

 private:
    static constexpr std::size_t kQueueLimit = 256;
    Canceller();
    void work();

    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<CancelHandle> queue_;
};

}  // namespace lintas::postgres
