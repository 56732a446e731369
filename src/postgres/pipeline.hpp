#pragma once
// What a pipelined connection still has to hear, in order: results are matched to the statements
// that asked for them. Sans-I/O: connection.cpp feeds it what libpq says.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "base/statement.hpp"
#include "postgres/rows.hpp"

namespace lintas::postgres {

/// One result per statement of a unit. After the first error the rest are Errc::cancelled: the
/// server skipped them up to the Sync (PostgreSQL 15 manual, 34.5 Pipeline Mode).
using UnitResults = std::vector<Result<Rows>>;

/// A unit that is on its way: its statements, one Sync, somebody who may still be waiting.
struct Unit {
    std::vector<Statement> statements;
    UnitResults results;  // one per statement once it is done
    bool broken = false;  // the connection was lost before the Sync was answered
    bool done = false;
    std::function<void()> on_done;  // called once, from the connection's loop; empty: nobody waits
    Clock::time_point sent_at{};

    /// The connection is gone: statements without a result yet get this one.
    void fail_rest(const Error& error);
};

class Pipeline {
 public:
    enum class Expect { prepare, execute, deallocate, sync };

    void sent(Expect what, std::shared_ptr<Unit> unit);

    /// A result of the command in front.
    void on_rows(Rows rows);
    void on_error(Error error);
    void on_skipped();  // PGRES_PIPELINE_ABORTED
    /// libpq's NULL: the command in front has said everything.
    void on_end();
    /// The Sync in front was answered: its unit is done and is returned.
    std::shared_ptr<Unit> on_sync();
    /// The connection is gone: every unit that is not done gets `error`, in order.
    std::vector<std::shared_ptr<Unit>> on_lost(const Error& error);

    bool empty() const { return expected_.empty(); }
    bool front_is_sync() const {
        return !expected_.empty() && expected_.front().what == Expect::sync;
    }
    std::size_t units() const { return units_; }
    /// When the unit in front was sent; only while units() > 0.
    Clock::time_point oldest_sent_at() const { return expected_.front().unit->sent_at; }
    /// Texts that the server does not hold as prepared (any more), since the last call.
    std::vector<std::string> take_unprepared() { return std::exchange(unprepared_, {}); }

 private:
    struct Expected {
        Expect what;
        std::shared_ptr<Unit> unit;
    };
    void record(Result<Rows> result);
    const std::string& text_in_front() const;

    std::deque<Expected> expected_;
    std::size_t units_ = 0;
    std::optional<Error> prepare_error_;  // reported by the execute that follows it
    std::vector<std::string> unprepared_;
};

}  // namespace lintas::postgres
