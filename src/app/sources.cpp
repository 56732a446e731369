#include "app/sources.hpp"

#include <fmt/format.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "app/conclude.hpp"
#include "cache/read_key.hpp"
#include "primary/confirm.hpp"
#include "primary/database.hpp"
#include "respond/reply.hpp"
#include "respond/validators.hpp"
#include "sql/statements.hpp"

namespace lintas::app {

namespace {

using position::Coverage;

constexpr std::size_t kReplicaAttempts = 2;  // then the primary
constexpr std::chrono::milliseconds kLookAgain{3};
constexpr std::chrono::milliseconds kAskAgain{50};  // whoever was asked has the query to run
constexpr std::chrono::milliseconds kFeedWait{250};

/// One read on its way from source to source.
class Fetch {
 public:
    Fetch(const Reading& reading, Services& services, Facts& facts)
        : reading_(reading), services_(services), facts_(facts) {}

    Task<cache::Landed> run() {
        const config::Api& api = reading_.settings->config.api;
        Result<sql::Read> statements =
            sql::build_read(reading_.request, *reading_.relation, reading_.media,
                            {.max_rows = api.max_rows, .pre_request = !api.pre_request.empty()});
        if (!statements) co_return fail(statements.error());
        statements_ = std::move(*statements);
        facts_.query = obs::QueryKind::read;
        const Clock::time_point asked = Clock::now();
        cache::Landed landed = co_await ask();
        facts_.database_time = Clock::now() - asked;
        co_return landed;
    }

 private:
    Task<cache::Landed> ask() {
        if (may_use_replicas()) {
            std::optional<cache::Landed> landed = co_await ask_replicas();
            if (landed) co_return std::move(*landed);
        }
        std::optional<cache::Landed> asked = co_await ask_primary();
        while (!asked) {
            // The commit waits for its synchronous standby; a replica that has it may be asked.
            if (reading_.deadline.passed()) {
                co_return fail(Errc::no_source, "",
                               "the primary does not show yet what a replica has shown before");
            }
            co_await until_shown_or(Clock::now() + kAskAgain);
            if (may_use_replicas()) asked = co_await ask_replicas();
            if (!asked) asked = co_await ask_primary();
        }
        cache::Landed landed = std::move(*asked);
        if (!landed && !reading_.requirement.critical && !reading_.replicas->empty() &&
            is_unreachable(landed.error())) {
            co_return fail(Errc::no_source, "",
                           fmt::format("primary: it cannot be asked now; {}", why_no_replica()));
        }
        co_return landed;
    }

    bool may_use_replicas() const {
        return !reading_.replicas->empty() && !reading_.requirement.critical &&
               !reading_.relation->needs_primary && statements_.shareable &&
               reading_.settings->config.api.pre_request.empty() && role_isolation().empty();
    }

    /// nullopt: ask the primary.
    Task<std::optional<cache::Landed>> ask_replicas() {
        const std::shared_ptr<const position::Lineage> lineage = services_.lineage.get();
        const position::Progress& progress = services_.site.progress;
        const position::History& history = lineage->history;
        restarts_ = progress.restarts();
        const position::Wanted wanted =
            position::wanted_by(reading_.requirement, progress, history.current());
        if (!wanted.bound || restarts_ % 2 != 0) co_return std::nullopt;

        std::vector<std::size_t> failed;
        while (failed.size() < kReplicaAttempts) {
            std::optional<std::size_t> chosen = reading_.replicas->choose(wanted, history, failed);
            if (!chosen && failed.empty() && wanted.token) {
                chosen = co_await wait_for_replica(wanted, history);
            }
            if (!chosen) break;
            Result<replica::Answer> answer = co_await reading_.replicas->read(
                *chosen, statements_, frame(), shape(), reading_.deadline);
            if (!answer) {
                if (!replica::retry_elsewhere(answer.error())) co_return fail(answer.error());
                failed.push_back(*chosen);
                continue;
            }
            const position::Position as_of{answer->timeline, answer->as_of};
            // What it shows must be of the present history too, not only what is asked of it.
            const bool same_history = answer->system_id == lineage->system_id &&
                                      progress.restarts() == restarts_ &&
                                      history.contains({answer->timeline, answer->replayed});
            if (!same_history ||
                position::replica_covers(wanted, history, as_of) != Coverage::covered) {
                failed.push_back(*chosen);
                continue;
            }
            co_return landed_from_replica(*chosen, std::move(*answer));
        }
        co_return std::nullopt;
    }

    Task<std::optional<std::size_t>> wait_for_replica(const position::Wanted& wanted,
                                                      const position::History& history) {
        const Clock::duration wait = reading_.settings->config.consistency.replica_wait;
        if (wait <= Clock::duration::zero()) co_return std::nullopt;
        const Deadline until{std::min(reading_.deadline.at, Clock::now() + wait)};
        const Result<std::size_t> reached =
            co_await reading_.replicas->wait_for(wanted, history, until);
        if (!reached) co_return std::nullopt;
        co_return *reached;
    }

    cache::Landed landed_from_replica(std::size_t index, replica::Answer answer) {
        facts_.source = obs::Source::replica;
        // A reload may have come meanwhile, with other replicas.
        if (reading_.replicas == services_.replicas) facts_.pool = services_.replica_pools[index];
        cache::Answer landed;
        landed.source = "replica;name=" + reading_.replicas->name(index);
        landed.asked = answer.asked;
        landed.from.system_id = answer.system_id;
        landed.from.timeline = answer.timeline;
        landed.from.as_of = answer.as_of;
        landed.from.hi = replica_hi(answer);
        landed.from.shown_by = position::ShownBy::replica;
        return finish(std::move(landed), std::move(answer.outcome), [this](cache::Answer& done) {
            if (services_.site.progress.restarts() != restarts_) return;
            services_.site.memory.put(reading_.key,
                                      std::make_shared<const cache::Entry>(entry_of(done)));
        });
    }

    /// Only the feed knows of the commit that a replica shows before it counts it as replayed, and
    /// only of those that it follows.
    position::Lsn replica_hi(const replica::Answer& answer) const {
        const position::Progress& progress = services_.site.progress;
        if (progress.feed() == position::FeedState::live && all_followed()) {
            return progress.commits().visible_to(answer.replayed, answer.received,
                                                 progress.watermark());
        }
        return std::max(answer.replayed, answer.received);
    }

    bool all_followed() const {
        const position::Stamps& stamps = services_.site.progress.stamps();
        return std::ranges::all_of(reading_.relation->reads,
                                   [&](std::uint32_t oid) { return stamps.table(oid) != nullptr; });
    }

    /// nullopt: the primary does not show yet what the client has seen on a replica.
    Task<std::optional<cache::Landed>> ask_primary() {
        if (reading_.requirement.critical &&
            reading_.settings->config.consistency.confirm_primary) {
            const Result<void> confirmed =
                co_await primary::confirm(reading_.primary->pool, reading_.deadline);
            if (!confirmed) co_return fail(confirmed.error());
        }
        const std::shared_ptr<const position::Lineage> lineage = services_.lineage.get();
        position::Progress& progress = services_.site.progress;
        facts_.source = obs::Source::primary;
        facts_.pool = 0;
        restarts_ = progress.restarts();
        const position::Lsn visible = progress.commits().all_visible();
        Result<primary::ReadAnswer> answer =
            co_await primary::read(reading_.primary->pool, reading_.primary->reads, statements_,
                                   frame(), shape(), reading_.deadline);
        if (!answer) co_return fail(reading_.primary->explained(answer.error()));
        const primary::PrimaryMarks& marks = answer->marks;
        const position::Timeline current = lineage->history.current();
        const position::Timeline timeline = marks.timeline != 0 ? marks.timeline : current;
        if (timeline < current) {
            co_return fail(Errc::deposed, "",
                           fmt::format("the server that answered is on timeline {}, the primary on "
                                       "timeline {}",
                                       timeline, current));
        }
        const Result<void> still = co_await token_still_holds(timeline);
        if (!still) co_return fail(still.error());
        const std::optional<position::Lsn>& seen = reading_.requirement.seen_on_replica;
        if (seen && visible < *seen) {
            const bool shows = co_await shows_up_to(*seen, marks);
            if (!shows) co_return std::nullopt;
        }
        progress.saw_written(marks.insert);

        cache::Answer landed;
        landed.source = "primary";
        landed.by_primary = true;
        landed.asked = marks.asked;
        landed.from.system_id = marks.session ? marks.session->system_id : lineage->system_id;
        landed.from.timeline = timeline;
        landed.from.hi = marks.insert;
        landed.from.read_at = marks.asked;
        const bool known_history = timeline == current && landed.from.system_id != 0;
        co_return finish(std::move(landed), std::move(answer->outcome), [&](cache::Answer& done) {
            if (marks.read_committed && known_history) keep(done, marks);
        });
    }

    /// A failover while the request was on its way may have dropped what its token stands for.
    Task<Result<void>> token_still_holds(position::Timeline answered) {
        const std::optional<position::Position>& token = reading_.requirement.token;
        std::shared_ptr<const position::Lineage> lineage = services_.lineage.get();
        if (!token) co_return Result<void>{};
        if (answered > lineage->history.current()) {
            const Result<feed::Look> look = co_await services_.pulse.ask_now(reading_.deadline);
            if (look) lineage = services_.lineage.get();
        }
        if (answered > lineage->history.current()) {
            co_return fail(Errc::no_source, "",
                           "the history of the primary's new timeline is not known yet");
        }
        if (lineage->history.contains(*token)) co_return Result<void>{};
        co_return fail(Errc::position_lost, "",
                       fmt::format("a failover dropped position {} of timeline {} while the "
                                   "request was on its way",
                                   position::to_text(token->lsn), token->timeline));
    }

    /// The feed names what the snapshot does not show, once it has come as far as the token.
    Task<bool> shows_up_to(position::Lsn token, const primary::PrimaryMarks& marks) {
        const position::Progress& progress = services_.site.progress;
        if (marks.flush < token || progress.feed() != position::FeedState::live) co_return false;
        const Deadline until{std::min(reading_.deadline.at, Clock::now() + kFeedWait)};
        while (progress.watermark() < token && !until.passed()) co_await pause(kLookAgain);
        const position::Lsn followed = std::min(marks.flush, progress.watermark());
        const std::optional<position::Lsn> complete =
            progress.commits().complete_to(followed, marks.snapshot, marks.asked);
        co_return complete && *complete >= token&& progress.restarts() == restarts_;
    }

    /// The pulse looks ten times a second: no use in asking much more often than that.
    Task<void> until_shown_or(Clock::time_point at) {
        const position::RecentCommits& commits = services_.site.progress.commits();
        const position::Lsn seen = reading_.requirement.seen_on_replica.value_or(position::Lsn{});
        const Clock::time_point until = std::min(at, reading_.deadline.at);
        do {
            co_await pause(kLookAgain);
        } while (commits.all_visible() < seen && Clock::now() < until);
    }

    static Task<void> pause(Clock::duration wait) {
        asio::steady_timer timer{co_await asio::this_coro::executor, wait};
        co_await timer.async_wait(asio::use_awaitable);
    }

    void keep(const cache::Answer& done, const primary::PrimaryMarks& marks) {
        const position::Progress& progress = services_.site.progress;
        if (restarts_ % 2 != 0 || progress.restarts() != restarts_) return;
        if (progress.feed() == position::FeedState::live && all_followed()) {
            services_.fills.add({.key = reading_.key,
                                 .entry = entry_of(done),
                                 .flush = marks.flush,
                                 .snapshot = marks.snapshot,
                                 .asked = marks.asked,
                                 .restarts = restarts_});
            return;
        }
        // Nothing says what it contains; it is as old as it is.
        services_.site.memory.put(reading_.key,
                                  std::make_shared<const cache::Entry>(entry_of(done)));
    }

    cache::Entry entry_of(const cache::Answer& answer) const {
        position::Provenance from = answer.from;
        from.dependencies = cache::dependencies_of(reading_.request, *reading_.relation,
                                                   services_.site.progress.stamps());
        cache::Entry entry = cache::make_entry(std::move(from), answer.reply, answer.rows);
        make_ready(*reading_.settings, entry);
        entry.generation = reading_.settings->generation;
        return entry;
    }

    template <class Keep>
    cache::Landed finish(cache::Answer answer, primary::Outcome outcome, Keep keep) {
        answer.rows = outcome.page;
        answer.from.schema = reading_.catalogue->fingerprint();
        answer.from.schema_epoch = reading_.catalogue->epoch();
        Result<Reply> reply = respond::reply_to_read(reading_.request, reading_.media,
                                                     std::move(outcome), reading_.settings->reply);
        if (!reply) return fail(reply.error());
        const bool whole = reading_.request.method == parse::Method::get &&
                           (reply->status == 200 || reply->status == 206);
        if (whole) respond::add_entity_tag(*reply);
        answer.reply = std::move(*reply);
        if (whole && reading_.cacheable() && !reading_.request.lintas.no_store &&
            statements_.shareable) {
            keep(answer);
        }
        return std::make_shared<const cache::Answer>(std::move(answer));
    }

    std::string role_isolation() const {
        const schema::Role* const role = reading_.catalogue->role(reading_.identity.role);
        return role ? role->isolation : std::string{};
    }

    primary::Frame frame() const {
        const config::Config& config = reading_.settings->config;
        // What may be cached can see no more than is in its key; a name that is no column may be a
        // function, which can.
        const bool in_key = reading_.cacheable() && statements_.shareable;
        const bool nobody_sees =
            (statements_.sees_only_role || in_key) && config.api.pre_request.empty();
        const bool claims =
            !nobody_sees || (!statements_.sees_only_role && reading_.relation->reads_claims);
        primary::Frame frame;
        frame.settings =
            sql::shared_settings({.schema = reading_.request.schema,
                                  .extra_search_path = config.api.extra_search_path,
                                  .identity = reading_.identity,
                                  .role = reading_.catalogue->role(reading_.identity.role),
                                  .prefer = reading_.request.prefer,
                                  .read_only = true},
                                 claims);
        if (!nobody_sees) frame.request = reading_.request_settings;
        if (!config.api.pre_request.empty()) {
            frame.pre_request = sql::pre_request_call(config.api.pre_request);
        }
        frame.isolation = role_isolation();
        frame.through_pooler = config.database.primary.through_pooler;
        return frame;
    }

    primary::ReadShape shape() const {
        return {.array = reading_.media == parse::Media::json,
                .body = reading_.request.method == parse::Method::get};
    }

    static bool is_unreachable(const Error& error) {
        return error.code == Errc::connect_failed || error.code == Errc::connection_lost ||
               error.code == Errc::pool_timeout;
    }

    std::string why_no_replica() const {
        const std::shared_ptr<const position::Lineage> lineage = services_.lineage.get();
        const auto sample = services_.site.progress.samples().newest();
        if (!sample) return "replicas: how far they are behind is not known";
        return fmt::format(
            "replicas: the primary was last heard of {:.1f} s ago, none is known to have all it "
            "had {:.1f} s ago{}",
            std::chrono::duration<double>(Clock::now() - sample->at).count(),
            std::chrono::duration<double>(reading_.requirement.bound).count(),
            reading_.requirement.token ? " and what the position stands for" : "");
    }

    const Reading& reading_;
    Services& services_;
    Facts& facts_;
    sql::Read statements_;
    std::uint64_t restarts_ = 0;
};

}  // namespace

Task<cache::Landed> fetch(const Reading& reading, Services& services, Facts& facts) {
    Fetch fetch{reading, services, facts};
    co_return co_await fetch.run();
}

}  // namespace lintas::app
