#include "postgres/pool.hpp"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

namespace lintas::postgres {

namespace {

constexpr std::chrono::milliseconds kTick{100};
constexpr std::chrono::milliseconds kYoung{
    2};  // a batch older than this may be stuck in a slow statement
constexpr std::size_t kUnitsInFlight = 2;  // one runs, one waits in the backend's socket
constexpr std::chrono::milliseconds kCancelPoll{
    5};  // how often to look whether a cancel request has arrived
constexpr std::chrono::milliseconds kOverdue{
    1000};  // beyond the statement timeout: the server hangs

/// Owns its options: the pool may be replaced while a connection is being made.
Task<Result<std::unique_ptr<Connection>>> open_one(asio::io_context& io, ConnectOptions options,
                                                   Deadline deadline) {
    co_return co_await Connection::open(io, options, deadline);
}

}  // namespace

struct Pool::Waiter {
    explicit Waiter(asio::io_context& io) : event(io.get_executor()) {}
    Event event;
    Result<Connection*> result =
        fail(Errc::pool_timeout, "no connection to the database became free in time");
};

Lease::Lease(Lease&& other) noexcept
    : pool_(std::move(other.pool_)),
      connection_(std::exchange(other.connection_, nullptr)),
      clean_(other.clean_) {}

Lease& Lease::operator=(Lease&& other) noexcept {
    if (this == &other) return *this;
    release();
    pool_ = std::move(other.pool_);
    connection_ = std::exchange(other.connection_, nullptr);
    clean_ = other.clean_;
    return *this;
}

Lease::~Lease() {
    release();
}

void Lease::release() {
    Connection* connection = std::exchange(connection_, nullptr);
    if (connection && *pool_) (*pool_)->returned(connection, clean_);
}

Pool::Pool(asio::io_context& io, PoolOptions options, Report report)
    : io_(io),
      options_(std::move(options)),
      report_(std::move(report)),
      self_(std::make_shared<Pool*>(this)),
      tick_(io),
      backoff_(std::chrono::milliseconds{100}, std::chrono::milliseconds{5000}) {}

Pool::~Pool() {
    close();
    *self_ = nullptr;
}

void Pool::start() {
    open_missing();
    tick();
}

void Pool::close() {
    closed_ = true;
    tick_.cancel();
    fail_waiters(Error{Errc::connection_lost, "the daemon is stopping"});
    for (const auto& attempt : attempts_) attempt->emit(asio::cancellation_type::terminal);
    // Closing a connection completes its units, and those may take slots away.
    std::vector<Connection*> open;
    for (const std::unique_ptr<Slot>& slot : slots_) open.push_back(slot->connection.get());
    for (Connection* connection : open) {
        connection->on_broken(nullptr);
        connection->close();
    }
    buried_.clear();
}

PoolCounts Pool::counts() const {
    PoolCounts now;
    now.open = slots_.size();
    now.connecting = connecting_;
    now.wanted = waiters_.size() + (shared_wanted_ ? 1 : 0);
    for (const std::unique_ptr<Slot>& slot : slots_) now.idle += slot->use == Use::idle ? 1 : 0;
    return now;
}

PoolState Pool::state() const {
    const PoolCounts now = counts();
    return PoolState{now.idle,        now.open - now.idle, now.connecting,
                     waiters_.size(), options_.size,       problem_};
}

void Pool::open_missing() {
    if (closed_ || Clock::now() < retry_at_) return;
    if (retired_ && waiters_.empty() && !shared_wanted_) return;
    const std::size_t missing = connections_to_open(options_.size, counts());
    for (std::size_t i = 0; i < missing; ++i) {
        ++connecting_;
        const auto attempt = std::make_shared<asio::cancellation_signal>();
        attempts_.push_back(attempt);
        asio::co_spawn(io_, open_one(io_, options_.connect, Deadline::in(options_.connect_timeout)),
                       asio::bind_cancellation_slot(
                           attempt->slot(), [self = self_, attempt, &io = io_](
                                                std::exception_ptr leaked,
                                                Result<std::unique_ptr<Connection>> connection) {
                               // The slot is in use until this handler has returned.
                               asio::post(io, [attempt] {});
                               if (!*self) return;
                               std::erase((*self)->attempts_, attempt);
                               if (leaked)
                                   connection = fail(Errc::internal, "exception while connecting");
                               (*self)->opened(std::move(connection));
                           }));
    }
}

void Pool::opened(Result<std::unique_ptr<Connection>> connection) {
    --connecting_;
    if (closed_) return;
    if (connection && options_.refuse && (*connection)->session()) {
        std::string why = options_.refuse(*(*connection)->session());
        if (!why.empty()) connection = fail(Errc::connect_failed, std::move(why));
    }
    if (!connection) {
        retry_at_ = Clock::now() + backoff_.next();
        const Error& error = connection.error();
        problem_ = error.details.empty() ? error.message : error.details;
        report_(false, problem_);
        // With connections left the waiters get one of those in turn; with none there is nothing to
        // wait for.
        if (slots_.empty() && connecting_ == 0) {
            fail_waiters(
                Error{Errc::connect_failed, "Database connection error. Retrying the connection."});
        }
        if (room_) room_();
        return;
    }
    backoff_.succeeded();
    retry_at_ = {};
    const bool was_down = !problem_.empty() || slots_.empty();
    problem_.clear();
    auto slot = std::make_unique<Slot>();
    slot->connection = std::move(*connection);
    slot->generation = generation_;
    slot->connection->on_broken([this, raw = slot->connection.get()] { lost(raw); });
    slots_.push_back(std::move(slot));
    if (was_down) report_(true, {});
    make_idle(*slots_.back());
}

void Pool::lost(Connection* connection) {
    const auto found = std::find_if(slots_.begin(), slots_.end(), [&](const auto& slot) {
        return slot->connection.get() == connection;
    });
    if (found == slots_.end() || (*found)->use == Use::leased)
        return;                                          // a lease brings it back itself
    buried_.push_back(std::move((*found)->connection));  // we are called from inside it
    slots_.erase(found);
    // Now, not when it is freed: the one that replaces it must not be one too many for the server.
    buried_.back()->on_broken(nullptr);
    buried_.back()->close();
    open_missing();
}

Pool::Slot* Pool::slot_of(const Connection* connection) {
    for (const std::unique_ptr<Slot>& slot : slots_) {
        if (slot->connection.get() == connection) return slot.get();
    }
    return nullptr;
}

void Pool::make_idle(Slot& slot) {
    slot.use = Use::idle;
    const bool wanted = !retired_ || !waiters_.empty() || shared_wanted_;
    if (!slot.connection->usable() || slot.generation != generation_ || !wanted)
        return lost(slot.connection.get());
    if (reserve_for_reads()) {
        slot.use = Use::reserved;
        lease_served_ = false;
        return room_();
    }
    serve_waiters();
    if (room_) room_();
}

/// Leases that queue up would take every connection for ever, and reads, which are many to a
/// connection, get none. So while none is shared, or a read wants one for itself, every other one
/// that comes free is for reads.
bool Pool::reserve_for_reads() const {
    if (!shared_wanted_ || !room_ || waiters_.empty() || !lease_served_) return false;
    std::size_t sharing = 0;
    for (const std::unique_ptr<Slot>& slot : slots_) {
        if (slot->use == Use::reserved) return false;
        sharing += slot->use == Use::shared ? 1 : 0;
    }
    return sharing == 0 || (alone_wanted_ && sharing < options_.size / 2);
}

void Pool::returned(Connection* connection, bool clean) {
    Slot* slot = slot_of(connection);
    if (!slot) return;
    slot->use = Use::recovering;
    if (!connection->usable() || closed_) return lost(connection);
    if (clean && connection->in_flight() == 0 && !connection->in_transaction())
        return make_idle(*slot);
    recover(*slot);
}

void Pool::recover(Slot& slot) {
    Connection* connection = slot.connection.get();
    slot.returned_at = Clock::now();
    if (connection->in_flight() > 0) connection->cancel_running();
    roll_back(connection);
}

/// Behind whatever still runs; tick() closes the connection if this does not come back.
void Pool::roll_back(Connection* connection) {
    connection->submit({Statement{"ROLLBACK"}}, [self = self_, connection] {
        if (*self) (*self)->rolled_back(connection);
    });
}

void Pool::rolled_back(Connection* connection) {
    Slot* slot = slot_of(connection);
    if (!slot || slot->use != Use::recovering) return;
    if (!connection->usable() || closed_) return lost(connection);
    // A cancel request that is still on its way would hit the statement of whoever comes next.
    if (connection->cancel_pending()) {
        if (Clock::now() - slot->returned_at > kOverdue) return lost(connection);
        const auto timer = std::make_shared<asio::steady_timer>(io_, kCancelPoll);
        timer->async_wait([self = self_, connection, timer](const boost::system::error_code&) {
            if (!*self) return;
            const Slot* waiting = (*self)->slot_of(connection);
            if (waiting && waiting->use == Use::recovering) (*self)->roll_back(connection);
        });
        return;
    }
    if (connection->in_transaction()) return lost(connection);  // the ROLLBACK was hit itself
    make_idle(*slot);
}

Task<Result<Lease>> Pool::lease(Deadline deadline) {
    if (waiters_.empty()) {
        // From the back: shared reads use the connections in front, whose statements are prepared.
        for (auto slot = slots_.rbegin(); slot != slots_.rend(); ++slot) {
            if ((*slot)->use != Use::idle) continue;
            (*slot)->use = Use::leased;
            co_return Lease{self_, (*slot)->connection.get()};
        }
    }
    if (slots_.empty() && connecting_ == 0 && Clock::now() < retry_at_) {
        co_return fail(Errc::connect_failed, "Database connection error. Retrying the connection.");
    }
    if (closed_) co_return fail(Errc::connection_lost, "the daemon is stopping");
    if (waiters_.size() >= options_.waiting) {
        co_return fail(Errc::overloaded, "too many requests wait for a connection to the database");
    }
    const auto waiter = std::make_shared<Waiter>(io_);
    waiters_.push_back(waiter);
    open_missing();
    const Result<void> waited = co_await waiter->event.wait(deadline);
    if (!waited) {
        std::erase(waiters_, waiter);
        if (waited.error().code == Errc::cancelled) co_return fail(waited.error());
    }
    if (!waiter->result) co_return fail(waiter->result.error());
    co_return Lease{self_, *waiter->result};
}

void Pool::serve_waiters() {
    while (!waiters_.empty()) {
        const auto idle = std::find_if(slots_.rbegin(), slots_.rend(),
                                       [](const auto& slot) { return slot->use == Use::idle; });
        if (idle == slots_.rend()) return open_missing();
        (*idle)->use = Use::leased;
        lease_served_ = true;
        waiters_.front()->result = (*idle)->connection.get();
        waiters_.front()->event.set();
        waiters_.pop_front();
    }
}

void Pool::fail_waiters(const Error& error) {
    while (!waiters_.empty()) {
        waiters_.front()->result = fail(error);
        waiters_.front()->event.set();
        waiters_.pop_front();
    }
}

Connection* Pool::for_shared_reads(bool alone) {
    const Clock::time_point now = Clock::now();
    std::size_t sharing = 0;
    bool all_stuck = true;
    for (const std::unique_ptr<Slot>& slot : slots_) {
        if (slot->use != Use::shared) continue;
        ++sharing;
        const bool young = now - slot->connection->oldest_sent_at() < kYoung;
        if (young) all_stuck = false;
        if (young && !alone && slot->connection->in_flight() < kUnitsInFlight)
            return slot->connection.get();
    }
    // One more where slow reads hold all that may be shared: fast ones give it back at once.
    if (sharing >= shared_most() + (all_stuck && !alone ? 1 : 0)) return nullptr;
    if (sharing > 0 && !all_stuck && !alone) return nullptr;
    for (const std::unique_ptr<Slot>& slot : slots_) {
        if (slot->use != Use::idle && slot->use != Use::reserved) continue;
        slot->use = Use::shared;
        return slot->connection.get();
    }
    return nullptr;
}

bool Pool::shared_are_stuck() const {
    const Clock::time_point now = Clock::now();
    std::size_t sharing = 0;
    for (const std::unique_ptr<Slot>& slot : slots_) {
        if (slot->use != Use::shared) continue;
        ++sharing;
        if (now - slot->connection->oldest_sent_at() < kYoung) return false;
    }
    return sharing >= shared_most();
}

/// Half of the pool, so that transactions always find a connection; a pool of one serves both.
std::size_t Pool::shared_most() const {
    return std::max<std::size_t>(1, options_.reads_only ? options_.size : options_.size / 2);
}

void Pool::want_shared(bool wanted, bool alone) {
    shared_wanted_ = wanted;
    alone_wanted_ = alone;
    if (wanted) open_missing();
    if (alone) return;
    const auto kept = std::find_if(slots_.begin(), slots_.end(),
                                   [](const auto& slot) { return slot->use == Use::reserved; });
    if (kept != slots_.end()) make_idle(**kept);
}

void Pool::shared_done(Connection* connection) {
    Slot* slot = slot_of(connection);
    if (!slot || slot->use != Use::shared) return;
    if (connection->in_flight() == 0) return make_idle(*slot);
    if (room_) room_();
}

void Pool::recycle() {
    ++generation_;
    std::vector<Connection*> idle;
    for (const std::unique_ptr<Slot>& slot : slots_) {
        if (slot->use == Use::idle) idle.push_back(slot->connection.get());
    }
    for (Connection* connection : idle) lost(connection);
}

void Pool::close_where(const std::function<bool(const SessionIdentity&)>& unwanted) {
    std::vector<Connection*> dropped;
    for (const std::unique_ptr<Slot>& slot : slots_) {
        const auto& session = slot->connection->session();
        if (session && unwanted(*session)) dropped.push_back(slot->connection.get());
    }
    // Closing one completes its units, and those may take slots away.
    for (Connection* connection : dropped) {
        if (slot_of(connection)) connection->close();
    }
}

void Pool::retire() {
    retired_ = true;
    recycle();
}

void Pool::tick() {
    if (closed_) return;
    buried_.clear();
    const Clock::time_point now = Clock::now();
    std::vector<Connection*> hanging;
    for (const std::unique_ptr<Slot>& slot : slots_) {
        if (slot->connection->in_flight() == 0) continue;
        // A leased transaction's statements end by themselves; what it left behind is given a
        // second.
        const auto limit =
            slot->use == Use::recovering ? kOverdue : options_.connect.statement_timeout + kOverdue;
        if (now - slot->connection->oldest_sent_at() > limit)
            hanging.push_back(slot->connection.get());
    }
    for (Connection* connection : hanging) connection->close();
    open_missing();
    tick_.expires_after(kTick);
    tick_.async_wait([self = self_](const boost::system::error_code& ec) {
        if (!ec && *self) (*self)->tick();
    });
}

}  // namespace lintas::postgres
