#include "postgres/shared_reads.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "postgres/sqlstate.hpp"

namespace lintas::postgres {

namespace {

constexpr std::size_t kBatchLimit = 64;  // reads in one transaction
constexpr int kAttempts = 3;             // in a batch, alone, alone with a statement prepared anew
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
    Result<std::vector<Rows>> result =
        fail(Errc::pool_timeout, "no connection to the database became free in time");
    int attempts = 0;
    bool alone = false;      // failed in company, or is known to be slow
    bool abandoned = false;  // nobody waits any more
    bool sent = false;
    bool queued = false;

    bool has_company_with(const Job& other) const {
        return read.settings.text == other.read.settings.text &&
               read.settings.params == other.read.settings.params;
    }
    void finish(Result<std::vector<Rows>> r) {
        result = std::move(r);
        done.set();
    }
};

struct SharedReads::Batch {
    Connection* connection = nullptr;
    std::shared_ptr<Unit> unit;
    Jobs jobs;
    Clock::time_point sent_at{};
};

SharedReads::SharedReads(Pool& pool, std::size_t queue_limit)
    : pool_(pool),
      queue_limit_(queue_limit),
      again_(pool.io()),
      self_(std::make_shared<SharedReads*>(this)) {
    pool_.on_room([this] { schedule(); });
}

SharedReads::~SharedReads() {
    *self_ = nullptr;
    pool_.on_room(nullptr);
    for (const std::shared_ptr<Batch>& batch : batches_) batch->unit->on_done = nullptr;
}

Task<Result<std::vector<Rows>>> SharedReads::read(SharedRead read, Deadline deadline) {
    if (queue_.size() >= queue_limit_) {
        co_return fail(Errc::overloaded, "too many reads wait for the database");
    }
    const auto job = std::make_shared<Job>(pool_.io(), std::move(read));
    job->alone = slow_.suspect(job->read.statements.back().text);
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
    if (jobs.front()->alone) return jobs;
    for (auto next = queue_.begin(); next != queue_.end() && jobs.size() < kBatchLimit;) {
        if (!(*next)->alone && (*next)->has_company_with(*jobs.front())) {
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
    for (const std::shared_ptr<Job>& job : jobs) {
        job->sent = true;
        job->queued = false;
        ++job->attempts;
        // Copied, not moved: a read that fails in company, or is stuck, is sent again.
        statements.insert(statements.end(), job->read.statements.begin(),
                          job->read.statements.end());
    }
    const auto batch = std::make_shared<Batch>();
    batch->connection = &connection;
    batch->jobs = std::move(jobs);
    batch->sent_at = Clock::now();
    batches_.push_back(batch);
    batch->unit = connection.submit(std::move(statements), [this, batch] { answered(batch); });
}

void SharedReads::answered(const std::shared_ptr<Batch>& batch) {
    std::erase(batches_, batch);
    const Unit& unit = *batch->unit;
    std::vector<const std::string*> texts;
    for (const std::shared_ptr<Job>& job : batch->jobs)
        texts.push_back(&job->read.statements.back().text);
    slow_.observed(texts, Clock::now() - batch->sent_at);

    const bool settings_failed = !unit.results[0];
    std::size_t first = 1;
    for (const std::shared_ptr<Job>& job : batch->jobs) {
        const std::size_t count = job->read.statements.size();
        const Result<Rows>* failed = settings_failed ? &unit.results[0] : nullptr;
        for (std::size_t i = first; !failed && i < first + count; ++i) {
            if (!unit.results[i]) failed = &unit.results[i];
        }
        if (job->abandoned || job->done.is_set()) {
            // Its share is dropped.
        } else if (!failed) {
            std::vector<Rows> rows;
            rows.reserve(count);
            for (std::size_t i = first; i < first + count; ++i) rows.push_back(*unit.results[i]);
            job->finish(std::move(rows));
        } else if (!unit.broken && job->attempts < kAttempts &&
                   (failed->error().code == Errc::cancelled ||
                    wants_new_prepare(failed->error()))) {
            job->alone =
                true;  // somebody else's error, or a statement to prepare anew: on its own then
            enqueue(job);
        } else if (failed->error().code == Errc::cancelled) {
            job->finish(fail(Errc::connection_lost, "the connection to the database was lost"));
        } else {
            job->finish(fail(failed->error()));
        }
        first += count;
    }
    pool_.shared_done(batch->connection);
    schedule();
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
