#include "replica/replica_set.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <tuple>

#include "primary/frame.hpp"
#include "primary/share.hpp"

namespace lintas::replica {

namespace {

using position::Coverage;

bool among(std::span<const std::size_t> indexes, std::size_t index) {
    return std::find(indexes.begin(), indexes.end(), index) != indexes.end();
}

/// For the pools.
std::string refuse_other_instance(const Replica& replica, const postgres::SessionIdentity& found) {
    if (!found.in_recovery) return "it is not a replica (any more)";
    const std::shared_ptr<const Instance> probed = replica.instance().get();
    if (!probed || probed->session.same_instance(found)) return {};
    return "its address leads to another server than the one that is watched";
}

struct Waiting {
    explicit Waiting(Replicas& r) : replicas(r) { replicas.begin_wait(); }
    ~Waiting() { replicas.end_wait(); }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    Replicas& replicas;
};

}  // namespace

std::optional<std::size_t> best_of(std::span<const Candidate> candidates) {
    const auto order = [](const Candidate& c) {
        return std::tuple{c.lagging, c.load, c.round_trip};
    };
    const auto best = std::ranges::min_element(candidates, {}, order);
    if (best == candidates.end()) return std::nullopt;
    return best->index;
}

bool retry_elsewhere(const Error& error) {
    switch (error.code) {
        case Errc::connect_failed:
        case Errc::connection_lost:
        case Errc::pool_timeout:
        case Errc::overloaded:
            return true;
        case Errc::sql:
            break;
        default:
            return false;
    }
    // PostgreSQL 15 manual, appendix A. What a statement says of the data or of its own time (22,
    // 23, 54, 57014) it says on the primary too. What it says of names, rights and types (42, 3F,
    // 22023 of a role, 22P02 of an enum's new value) may be the schema of a while ago.
    static constexpr std::string_view kClasses[] = {"08", "40", "42", "53", "55", "58", "XX"};
    static constexpr std::string_view kCodes[] = {"0A000", "3F000", "22023", "22P02", "57P01",
                                                  "57P02", "57P03", "57P04", "57P05"};
    const std::string_view state = error.sqlstate;
    return std::ranges::any_of(kClasses, [&](auto c) { return state.starts_with(c); }) ||
           std::ranges::find(kCodes, state) != std::ranges::end(kCodes);
}

struct ReplicaSet::Member {
    Member(asio::io_context& io, Replica& r, postgres::PoolOptions options,
           postgres::Pool::Report report)
        : replica(r),
          instance(r.instance()),
          pool(io, std::move(options), std::move(report)),
          reads(pool, pool.options().waiting, bracket()) {}

    void drop(const postgres::SessionIdentity& session) {
        pool.close_where([copy = session](const postgres::SessionIdentity& other) {
            return copy.same_instance(other);
        });
    }

    /// A server that hangs, or serves what it must not, answers nobody who asked it already: they
    /// can still ask another one.
    void drop_if_unreadable() {
        const bool readable = replica.readable();
        if (std::exchange(was_readable, readable) && !readable)
            pool.close_where([](const postgres::SessionIdentity&) { return true; });
    }

    Replica& replica;
    bool was_readable = false;
    PublishedView<Instance> instance;
    postgres::Pool pool;
    postgres::SharedReads reads;
};

struct ReplicaSet::Waiter {
    explicit Waiter(asio::io_context& io) : event(io.get_executor()) {}
    postgres::Event event;
};

ReplicaSet::ReplicaSet(asio::io_context& io, std::shared_ptr<Replicas> replicas, SetOptions options,
                       Report report)
    : io_(io), replicas_(std::move(replicas)), self_(std::make_shared<ReplicaSet*>(this)) {
    for (std::size_t i = 0; i < replicas_->size(); ++i) {
        Replica& replica = (*replicas_)[i];
        postgres::PoolOptions pool;
        pool.connect.url = replica.url();
        pool.connect.application_name = options.application_name;
        pool.connect.statement_timeout = options.statement_timeout;
        pool.connect.identify = postgres::identify_session();
        pool.size =
            i < options.pool_sizes.size() ? std::max<std::size_t>(1, options.pool_sizes[i]) : 1;
        pool.waiting = options.waiting;
        pool.connect_timeout = options.connect_timeout;
        pool.reads_only = true;
        pool.refuse = [&replica](const postgres::SessionIdentity& found) {
            return refuse_other_instance(replica, found);
        };
        members_.push_back(std::make_unique<Member>(
            io, replica, std::move(pool), [report, &replica](bool up, const std::string& problem) {
                if (report) report(replica.name(), up, problem);
            }));
    }
    listening_ = replicas_->listen([&io = io_, self = self_] {
        asio::post(io, [self] {
            if (*self) (*self)->moved();
        });
    });
}

ReplicaSet::~ReplicaSet() {
    replicas_->unlisten(listening_);
    *self_ = nullptr;
}

void ReplicaSet::start() {
    for (const std::unique_ptr<Member>& member : members_) {
        member->was_readable = member->replica.readable();
        member->pool.start();
    }
}

void ReplicaSet::close() {
    closed_ = true;
    for (const std::unique_ptr<Member>& member : members_) member->pool.close();
    moved();
}

void ReplicaSet::retire() {
    for (const std::unique_ptr<Member>& member : members_) member->pool.retire();
}

void ReplicaSet::recycle() {
    for (const std::unique_ptr<Member>& member : members_) member->pool.recycle();
}

postgres::PoolState ReplicaSet::pool_state(std::size_t index) const {
    return members_[index]->pool.state();
}

std::optional<std::size_t> ReplicaSet::choose(const position::Wanted& wanted,
                                              const position::History& history,
                                              std::span<const std::size_t> excluding) const {
    std::vector<Candidate> candidates;
    for (std::size_t i = 0; i < members_.size(); ++i) {
        const Member& member = *members_[i];
        const State state = member.replica.state();
        if (among(excluding, i) || !member.replica.readable() || !member.pool.reachable()) continue;
        if (position::replica_covers(wanted, history, member.replica.replayed()) !=
            Coverage::covered)
            continue;
        candidates.push_back(Candidate{i, state == State::lagging, member.reads.load(),
                                       member.replica.round_trip()});
    }
    return best_of(candidates);
}

/// Some replica may get there: it can be read, and the position is not lost.
bool ReplicaSet::may_come(const position::Wanted& wanted, const position::History& history) const {
    if (closed_ || !wanted.bound) return false;
    return std::ranges::any_of(members_, [&](const auto& member) {
        return member->replica.readable() && member->pool.reachable() &&
               position::replica_covers(wanted, history, member->replica.replayed()) !=
                   Coverage::lost;
    });
}

Task<Result<std::size_t>> ReplicaSet::wait_for(position::Wanted wanted, position::History history,
                                               Deadline deadline) {
    const Waiting waiting{*replicas_};
    while (true) {
        if (const std::optional<std::size_t> chosen = choose(wanted, history)) co_return *chosen;
        if (!may_come(wanted, history)) {
            co_return fail(Errc::no_source, "no replica can reach the position");
        }
        const auto waiter = std::make_shared<Waiter>(io_);
        waiters_.push_back(waiter);
        const Result<void> woken = co_await waiter->event.wait(deadline);
        if (!woken) {
            std::erase(waiters_, waiter);
            co_return fail(woken.error());
        }
    }
}

void ReplicaSet::moved() {
    for (const std::unique_ptr<Member>& member : members_) member->drop_if_unreadable();
    const std::deque<std::shared_ptr<Waiter>> woken = std::exchange(waiters_, {});
    for (const std::shared_ptr<Waiter>& waiter : woken) waiter->event.set();
}

Task<Result<Answer>> ReplicaSet::read(std::size_t index, const sql::Read& statements,
                                      primary::Frame frame, primary::ReadShape shape,
                                      Deadline deadline) {
    Member& member = *members_[index];
    const primary::SharedShare share = primary::share_of(statements, std::move(frame));
    const Result<postgres::SharedRows> got = co_await member.reads.read(share.read, deadline);
    if (!got) co_return fail(primary::with_deadline_named(got.error(), deadline));
    const Result<Marks> marks = decode_marks(got->marks->before, got->marks->after);
    if (!marks) co_return fail(marks.error());

    // Addresses move, and a promotion leaves connections open: only the server that is watched is
    // known to be a replica, and on which timeline.
    const std::shared_ptr<const postgres::SessionIdentity>& session = got->marks->session;
    const std::shared_ptr<const Instance>& probed = member.instance.get();
    if (!session || !probed || !probed->session.same_instance(*session) || !marks->in_recovery) {
        replicas_->look_again();
        if (session) member.drop(*session);
        co_return fail(Errc::connection_lost,
                       "what answered is not the replica that is watched (any more)");
    }
    Answer answer;
    answer.system_id = session->system_id;
    answer.timeline = probed->timeline;
    answer.asked = got->marks->sent_at;
    answer.as_of = marks->as_of;
    answer.replayed = marks->replayed;
    answer.received = marks->received;
    Result<primary::Outcome> outcome = primary::outcome_of_share(statements, share, *got, shape);
    if (!outcome) co_return fail(outcome.error());
    answer.outcome = std::move(*outcome);
    co_return std::move(answer);
}

}  // namespace lintas::replica
