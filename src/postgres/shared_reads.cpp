#include "postgres/shared_reads.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "postgres/sqlstate.hpp"

namespace lintas::postgres {

namespace {

constexpr std::size_t kBatchLimit = 64;  // reads in one transaction
constexpr int kAttempts = 4;  // in a batch, in another, apart, with a statement prepared anew
constexpr std::chrono::milliseconds kStuck{
    20};  // a batch behind one that runs this long goes elsewhere
constexpr std::chrono::milliseconds kLookAgain{5};

}  // namespace

void SlowStatements::observed(const std::vector<const std::string*>& texts, Clock::duration took) {
    if (took < kSlow) {
        if (texts.size() == 1 && !suspects_.empty()) suspects_.erase(*texts.front());
        return;
    }
    if (suspects_.size() + texts.size() > kLimit) suspects_.clear();
    for (const std::string* text : texts) suspects_.insert(*text);
}

struct SharedReads::Job {
    Job(asio::io_context& io, SharedRead r) : read(std::move(r)), done(io.get_executor()) {}
    SharedRead read;
    Event done;
    Result<SharedRows> result =
        fail(Errc::pool_timeout, "no connection to the database became free in time");
    int attempts = 0;
    bool alone = false;      // known to be slow: on a connection that it shares with nobody
    bool apart = false;      // a batch of its own, because an error would hit the company
    bool abandoned = false;  // nobody waits any more
    bool sent = false;
    bool queued = false;

    bool has_company_with(const Job& other) const {
        return read.settings.text == other.read.settings.text &&
               read.settings.params == other.read.settings.params;
    }
    const std::string& text() const { return read.statements.back().text; }
    void finish(Result<SharedRows> r) {
        result = std::move(r);
        done.set();
    }
};

struct SharedReads::Batch {
    Connection* connection = nullptr;
    std::shared_ptr<Unit> unit;
    Jobs jobs;
    Clock::time_point sent_at{};
    std::shared_ptr<const SessionIdentity> session;  // the connection may be gone when it is needed
};

SharedReads::SharedReads(Pool& pool, std::size_t queue_limit, std::optional<Bracket> bracket)
    : pool_(pool),
      queue_limit_(queue_limit),
      bracket_(std::move(bracket)),
      again_(pool.io()),
      self_(std::make_shared<SharedReads*>(this)) {
    pool_.on_room([this] { schedule(); });
}

SharedReads::~SharedReads() {
    *self_ = nullptr;
    pool_.on_room(nullptr);
    for (const std::shared_ptr<Batch>& batch : batches_) batch->unit->on_done = nullptr;
}

Task<Result<SharedRows>> SharedReads::read(SharedRead read, Deadline deadline) {
    if (queue_.size() >= queue_limit_) {
        co_return fail(Errc::overloaded, "too many reads wait for the database");
    }
    const auto job = std::make_shared<Job>(pool_.io(), std::move(read));
    job->alone = slow_.suspect(job->text());
    enqueue(job);
    schedule();
    const Result<void> waited = co_await job->done.wait(deadline);
    if (!waited) {
        job->abandoned = true;
        if (waited.error().code == Errc::cancelled || job->sent) co_return fail(waited.error());
    }
    co_return std::move(job->result);
}

void SharedReads::enqueue(const std::shared_ptr<Job>& job) {
    if (std::exchange(job->queued, true)) return;
    queue_.push_back(job);
}

void SharedReads::schedule() {
    if (scheduled_ || queue_.empty()) return;
    scheduled_ = true;
    // At the end of this loop turn: whatever else arrives in it joins the batch.
    asio::post(pool_.io(), [self = self_] {
        if (!*self) return;
        (*self)->scheduled_ = false;
        (*self)->send_queued();
    });
}

void SharedReads::send_queued() {
    // A read that is queued a second time may have been answered meanwhile.
    std::erase_if(queue_, [](const auto& job) { return job->abandoned || job->done.is_set(); });
    while (!queue_.empty()) {
        Connection* connection = pool_.for_shared_reads(queue_.front()->alone);
        if (!connection && queue_.front()->alone && pool_.shared_are_stuck() &&
            bring_fast_to_front())
            connection = pool_.for_shared_reads(false);
        if (!connection) break;
        send(*connection, take_batch());
    }
    pool_.want_shared(!queue_.empty(), std::any_of(queue_.begin(), queue_.end(),
                                                   [](const auto& job) { return job->alone; }));
    if (!queue_.empty()) {
        const PoolState state = pool_.state();
        if (!state.up() && state.connecting == 0) {
            fail_queued(
                Error{Errc::connect_failed, "Database connection error. Retrying the connection."});
            pool_.want_shared(false, false);
            return;
        }
    }
    if (!queue_.empty() || batches_.size() > 1) wake_later();
}

/// Slow reads wait for each other; the others do not wait for them.
bool SharedReads::bring_fast_to_front() {
    const auto fast =
        std::find_if(queue_.begin(), queue_.end(), [](const auto& job) { return !job->alone; });
    if (fast == queue_.end()) return false;
    const std::shared_ptr<Job> job = *fast;
    queue_.erase(fast);
    queue_.push_front(job);
    return true;
}

SharedReads::Jobs SharedReads::take_batch() {
    Jobs jobs;
    jobs.push_back(queue_.front());
    queue_.pop_front();
    const auto travels_apart = [&](const Job& job) {
        return job.alone || job.apart || faulty_.suspect(job.text());
    };
    if (travels_apart(*jobs.front())) return jobs;
    for (auto next = queue_.begin(); next != queue_.end() && jobs.size() < kBatchLimit;) {
        if (!travels_apart(**next) && (*next)->has_company_with(*jobs.front())) {
            jobs.push_back(std::move(*next));
            next = queue_.erase(next);
        } else {
            ++next;
        }
    }
    return jobs;
}

void SharedReads::send(Connection& connection, Jobs jobs) {
    std::vector<Statement> statements;
    statements.push_back(jobs.front()->read.settings);
    if (bracket_) statements.push_back(bracket_->before);
    for (const std::shared_ptr<Job>& job : jobs) {
        job->sent = true;
        job->queued = false;
        ++job->attempts;
        // Copied, not moved: a read that fails in company, or is stuck, is sent again.
        statements.insert(statements.end(), job->read.statements.begin(),
                          job->read.statements.end());
    }
    if (bracket_) statements.push_back(bracket_->after);
    const auto batch = std::make_shared<Batch>();
    batch->connection = &connection;
    batch->session = connection.session();
    in_flight_ += jobs.size();
    batch->jobs = std::move(jobs);
    batch->sent_at = Clock::now();
    batches_.push_back(batch);
    batch->unit = connection.submit(std::move(statements), [this, batch] { answered(batch); });
}

void SharedReads::answered(const std::shared_ptr<Batch>& batch) {
    std::erase(batches_, batch);
    in_flight_ -= batch->jobs.size();
    std::vector<const std::string*> texts;
    for (const std::shared_ptr<Job>& job : batch->jobs) texts.push_back(&job->text());
    slow_.observed(texts, Clock::now() - batch->sent_at);

    std::size_t first = bracket_ ? 2 : 1;
    for (const std::shared_ptr<Job>& job : batch->jobs) {
        settle(job, *batch, first);
        first += job->read.statements.size();
    }
    pool_.shared_done(batch->connection);
    schedule();
}

/// `first`: where the results of `job` begin in those of its batch.
void SharedReads::settle(const std::shared_ptr<Job>& job, const Batch& batch, std::size_t first) {
    const Unit& unit = *batch.unit;
    const std::size_t shared = bracket_ ? 2 : 1;  // settings and the mark before
    const std::size_t end = first + job->read.statements.size();
    const auto first_failed = [&](std::size_t from, std::size_t to) -> const Result<Rows>* {
        for (std::size_t i = from; i < to; ++i) {
            if (!unit.results[i]) return &unit.results[i];
        }
        return nullptr;
    };
    const Result<Rows>* failed = first_failed(0, shared);
    if (!failed) {
        failed = first_failed(first, end);
        if (failed && failed->error().code == Errc::sql && !wants_new_prepare(failed->error())) {
            faulty_.failed(job->text());
        } else if (!failed && batch.jobs.size() == 1) {
            faulty_.succeeded(job->text());
        }
    }
    // An error in the batch behind it: what it read is right, but the mark after it is missing.
    if (!failed && bracket_ && !unit.results.back()) failed = &unit.results.back();

    if (job->abandoned || job->done.is_set()) return;  // its share is dropped
    if (!failed) {
        SharedRows answer;
        answer.rows.reserve(end - first);
        for (std::size_t i = first; i < end; ++i) answer.rows.push_back(*unit.results[i]);
        if (bracket_) {
            answer.marks.emplace(
                Marks{*unit.results[1], *unit.results.back(), batch.sent_at, batch.session});
        }
        return job->finish(std::move(answer));
    }
    const Error& error = failed->error();
    const bool skipped = error.code == Errc::cancelled;  // somebody else's error
    const bool outdated = wants_new_prepare(error);
    if (!unit.broken && job->attempts < kAttempts && (skipped || outdated)) {
        // Whoever made the error stays away from now on, so the others may go together once more.
        job->apart = outdated || job->attempts > 1;
        return enqueue(job);
    }
    if (skipped)
        return job->finish(fail(Errc::connection_lost, "the connection to the database was lost"));
    job->finish(fail(error));
}

void SharedReads::pass_by_stuck() {
    const Clock::time_point now = Clock::now();
    std::vector<const Connection*> seen;
    for (const std::shared_ptr<Batch>& batch : batches_) {
        const bool behind = std::find(seen.begin(), seen.end(), batch->connection) != seen.end();
        seen.push_back(batch->connection);
        if (!behind || now - batch->connection->oldest_sent_at() < kStuck) continue;
        for (const std::shared_ptr<Job>& job : batch->jobs) {
            // Both copies may answer; the first one does (answered() looks at done).
            if (!job->abandoned && !job->done.is_set() && job->attempts == 1) enqueue(job);
        }
    }
}

void SharedReads::fail_queued(const Error& error) {
    while (!queue_.empty()) {
        queue_.front()->finish(fail(error));
        queue_.pop_front();
    }
}

void SharedReads::wake_later() {
    if (again_armed_) return;
    again_armed_ = true;
    again_.expires_after(kLookAgain);
    again_.async_wait([self = self_](const boost::system::error_code& ec) {
        if (ec || !*self) return;
        (*self)->again_armed_ = false;
        (*self)->pass_by_stuck();
        (*self)->send_queued();
    });
}

}  // namespace lintas::postgres
