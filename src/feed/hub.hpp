#pragma once
// Holds the slot: takes it, follows the stream, stamps, acknowledges what is stamped.

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/task.hpp"
#include "feed/changes.hpp"
#include "feed/context.hpp"
#include "feed/publisher.hpp"
#include "feed/replication.hpp"
#include "feed/side.hpp"

namespace lintas::feed {

/// Where a stream that was just taken over begins, for Progress.
struct StreamStart {
    position::Lsn from{};
    bool continuous = false;
};
/// `watermark`: what is stamped here, of the same lineage (or kNoLsn). `flushed`: the server's, at
/// connect: one that crashed or was rolled back may have written less than was seen here.
/// `confirmed`: what the slot will not send again, after it was taken.
StreamStart stream_start(position::Lsn watermark, position::Lsn flushed, position::Lsn confirmed);

class Hub {
 public:
    enum class Ended {
        taken,         // another process has the slot
        broken,        // try again
        not_possible,  // something has to be put right first
        cancelled,
    };

    Hub(Context& context, Publisher& publisher)
        : context_(context),
          publisher_(publisher),
          transactions_(context.book, context.options.transaction_keys),
          stall_(context.io) {}

    /// From connecting to the loss of the slot or the connection. What went wrong is in the
    /// problems. Cancel: terminal.
    Task<Ended> run();

    bool holds_slot() const { return holds_; }
    /// What roles may read, as a hash, when this process began to follow another hub.
    void know_roles(const std::string& roles) {
        if (roles_.empty()) roles_ = roles;
    }
    /// Of the slot, while it is held.
    std::string wal_status() const { return side_ ? side_->slot().wal_status : std::string{}; }
    std::optional<std::int64_t> safe_wal_size() const {
        return side_ ? side_->slot().safe_wal_size : std::nullopt;
    }
    /// Ends run() with `broken`.
    void reconnect();

 private:
    Task<Result<void>> session();
    Task<Result<void>> agree_on_lineage(Replication& stream, const Identity& identity);
    Task<Result<void>> ensure_slot(Replication& stream);
    Task<Result<void>> create_slot(Replication& stream);
    Task<Result<void>> begin(position::Lsn flushed, position::Lsn asked);
    Task<Result<void>> follow();
    Task<Result<void>> take_commit();
    Task<Result<void>> wait_for_tables(std::uint32_t xid);
    Result<void> keep_acknowledging(bool now);
    void take_tables(TableLook look);
    void take_roles(std::string_view roles, position::Lsn insert);
    void send_tables(position::Lsn floor);
    void raise_floor(position::Lsn to);
    Error refused(std::string sentence);

    Context& context_;
    Publisher& publisher_;
    Transactions transactions_;
    asio::steady_timer stall_;
    std::unique_ptr<Replication> stream_;
    std::shared_ptr<Side> side_;
    std::string frame_;
    position::Snapshot tables_reflect_{};
    std::uint64_t lineage_ = 0;      // version
    std::uint64_t fingerprint_ = 0;  // of the catalogue; 0: not known
    std::string roles_{};            // the last hash of what they may read; empty: not known
    Clock::time_point acknowledge_at_{};
    position::Lsn ring_has_{};
    std::optional<Error> stop_{};  // set from beside the stream
    bool holds_ = false;
    bool not_possible_ = false;
    bool remake_slot_ = false;  // it cannot be decoded from where it stands
    bool must_break_ = false;   // what was stamped is not all that changed
};

}  // namespace lintas::feed
