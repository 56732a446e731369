#include "app/serve_read.hpp"

#include "app/conclude.hpp"
#include "app/quick_hit.hpp"
#include "app/reading.hpp"
#include "app/require.hpp"
#include "app/sources.hpp"
#include "cache/read_key.hpp"
#include "respond/freshness.hpp"
#include "respond/reply.hpp"
#include "sql/statements.hpp"

namespace lintas::app {

namespace {

// A request joins flights that began before it came only while they can still satisfy it; then it
// asks for itself.
constexpr int kFlightsJoined = 3;

obs::Consistency label_of(const position::Requirement& requirement,
                          const parse::LintasHeaders& headers) {
    if (requirement.critical) return obs::Consistency::critical;
    if (requirement.token) return obs::Consistency::session;
    return headers.max_age_s ? obs::Consistency::bounded : obs::Consistency::eventual;
}

class ServeRead {
 public:
    ServeRead(const Understood& understood, Services& services, Facts& facts)
        : u_(understood), services_(services), facts_(facts) {}

    Task<Result<Reply>> run() {
        const Result<parse::Media> media = parse::negotiate(u_.request.accept);
        if (!media) co_return fail(media.error());
        const Result<void> preferences = parse::check_strict(u_.request.prefer);
        if (!preferences) co_return fail(preferences.error());
        media_ = *media;

        Result<position::Requirement> required = co_await require(u_, services_);
        if (!required) co_return fail(required.error());
        requirement_ = *required;
        facts_.consistency = label_of(requirement_, u_.request.lintas);

        why_not_cacheable_ = why_not_cacheable();
        const bool looks = why_not_cacheable_.empty() && !requirement_.critical;
        if (why_not_cacheable_.empty()) key_ = key();
        facts_.memory = looks ? obs::CacheResult::miss : obs::CacheResult::bypass;
        if (looks) {
            std::optional<Reply> hit = look_into_memory();
            if (hit) co_return std::move(*hit);
        }
        if (u_.request.lintas.only_if_cached) {
            co_return fail(Errc::only_if_cached,
                           "nothing is cached and the request allows nothing else");
        }
        const bool alone = !looks || u_.request.lintas.no_store ||
                           u_.request.method != parse::Method::get || may_have_to_wait();
        const cache::Landed landed = alone ? co_await fetch_alone() : co_await fetch_in_company();
        if (!landed) co_return fail(landed.error());
        co_return reply_from(**landed);
    }

 private:
    std::string_view why_not_cacheable() const {
        if (services_.site.memory.limit() == 0) return "no cache is configured";
        if (!u_.settings->config.api.pre_request.empty()) {
            return "api.pre_request may change every answer";
        }
        return cache::why_not_cacheable(u_.request, u_.relation);
    }

    /// For the primary to show what a replica has shown: nobody else should wait for that.
    bool may_have_to_wait() const {
        const std::optional<position::Lsn>& seen = requirement_.seen_on_replica;
        return seen && *seen > services_.site.progress.commits().all_visible();
    }

    std::string key() const {
        const config::Api& api = u_.settings->config.api;
        return cache::key_of({.request = u_.request,
                              .relation = u_.relation,
                              .media = media_,
                              .role = u_.identity.role,
                              .claims_json = u_.identity.claims_json,
                              .cache_claims = api.cache_claims,
                              .max_rows = api.max_rows});
    }

    std::optional<Reply> look_into_memory() {
        const cache::EntryPtr entry = services_.site.memory.find(key_);
        if (!entry || entry->generation != u_.settings->generation) return std::nullopt;
        const Clock::time_point now = Clock::now();
        const position::Verdict verdict =
            position::judge(entry->from, requirement_, services_.site.progress,
                            *services_.lineage.get(), u_.catalogue->fingerprint(), now);
        if (!verdict.usable()) {
            facts_.memory = obs::CacheResult::stale;
            return std::nullopt;
        }
        if (verdict.kind == position::Verdict::Kind::changed) refresh(*entry);
        facts_.memory = obs::CacheResult::hit;
        facts_.source = obs::Source::memory;
        facts_.rows = entry->rows;
        if (is_plain()) {
            remember();
            facts_.age = verdict.age;
            return reply_from_ready(entry, verdict.age);
        }
        Reply reply = entry->reply;
        respond::set_source(reply, "memory");
        respond::set_cache_status(reply, respond::CacheResult::hit);
        add_age(reply, verdict.age);
        return conclude(std::move(reply), entry->from);
    }

    /// Nothing but the age depends on this one request.
    bool is_plain() const {
        const parse::LintasHeaders& headers = u_.request.lintas;
        return u_.request.method == parse::Method::get && !requirement_.token &&
               !headers.if_match && !headers.if_none_match && !u_.raw.has_header("Origin") &&
               u_.settings->config.api.cors_origins.empty();
    }

    /// Not a request with a bound of its own: it says so in a header that quick_hit() knows not.
    void remember() {
        if (!u_.identity.anonymous || u_.relation.reads_claims) return;
        services_.known.remember(u_.raw, {.settings = u_.settings,
                                          .catalogue = u_.catalogue,
                                          .cache_key = key_,
                                          .bound = requirement_.bound,
                                          .consistency = *facts_.consistency,
                                          .schema = u_.request.schema,
                                          .relation = u_.request.relation,
                                          .role = u_.identity.role});
    }

    Reading reading() const {
        Reading reading{.request = u_.request,
                        .media = media_,
                        .identity = u_.identity,
                        .catalogue = u_.catalogue,
                        .relation = &u_.relation,
                        .settings = u_.settings,
                        .primary = u_.primary,
                        .replicas = services_.replicas,
                        .requirement = requirement_,
                        .key = key_,
                        .deadline = u_.deadline};
        reading.request_settings = sql::request_settings(u_.raw);
        const parse::LintasHeaders& headers = u_.request.lintas;
        if (headers.if_match || headers.if_none_match) {
            reading.request.method = parse::Method::get;  // a HEAD has no entity tag without a body
        }
        return reading;
    }

    /// The request is answered with the older entry that its bound allows; the next ones get a
    /// newer one.
    void refresh(const cache::Entry& entry) {
        std::optional<cache::Lead> lead = services_.site.flights.lead(key_);
        if (!lead) return;
        auto wanted = std::make_shared<Reading>(reading());
        wanted->request.method = parse::Method::get;
        wanted->request.lintas.no_store = false;
        wanted->requirement.asked = Clock::now();
        wanted->requirement.token = newer_than(entry, wanted->requirement.token);
        wanted->deadline = Deadline::in(u_.settings->config.limits.request_timeout);
        services_.background.spawn("refresh",
                                   refreshed(std::move(wanted), std::move(*lead), services_));
    }

    /// What has replayed the change that made the entry old is worth reading.
    std::optional<position::Position> newer_than(const cache::Entry& entry,
                                                 std::optional<position::Position> token) const {
        const position::Progress& progress = services_.site.progress;
        const position::Position change{services_.lineage.get()->history.current(),
                                        progress.stamps().newest(entry.from.dependencies)};
        return token ? position::later_of(*token, change) : change;
    }

    static Task<void> refreshed(std::shared_ptr<Reading> reading, cache::Lead lead,
                                Services& services) {
        Facts facts;
        const cache::Landed landed = co_await fetch(*reading, services, facts);
        lead.land(landed);
    }

    Task<cache::Landed> fetch_alone() {
        const Reading wanted = reading();
        co_return co_await fetch(wanted, services_, facts_);
    }

    Task<cache::Landed> fetch_in_company() {
        for (int flight = 0; flight < kFlightsJoined; ++flight) {
            std::optional<cache::Lead> lead = services_.site.flights.lead(key_);
            if (lead) {
                const Reading wanted = reading();
                cache::Landed landed = co_await fetch(wanted, services_, facts_);
                if (landed || concerns_everybody(landed.error())) lead->land(landed);
                co_return landed;
            }
            Result<std::optional<cache::Landed>> waited =
                co_await services_.site.flights.wait(key_, u_.deadline);
            if (!waited) co_return fail(waited.error());
            if (!*waited) continue;
            cache::Landed& landed = **waited;
            if (!landed && landed.error().code == Errc::no_source && !asks_the_usual()) break;
            if (!landed) co_return landed;
            if (satisfies(**landed)) {
                facts_.source = (*landed)->by_primary ? obs::Source::primary : obs::Source::replica;
                co_return landed;
            }
        }
        co_return co_await fetch_alone();
    }

    /// Not the leader's own bad luck: who waits would fare no better.
    bool concerns_everybody(const Error& error) const {
        if (error.code == Errc::no_source) return asks_the_usual();
        return error.code != Errc::cancelled && error.code != Errc::deadline_exceeded;
    }

    /// No more and no less than who says nothing.
    bool asks_the_usual() const {
        return !requirement_.token &&
               requirement_.bound == u_.settings->config.consistency.max_staleness;
    }

    /// Was what another request brought home read late enough for this one?
    bool satisfies(const cache::Answer& answer) {
        const std::shared_ptr<const position::Lineage> lineage = services_.lineage.get();
        if (answer.from.schema != u_.catalogue->fingerprint() ||
            !lineage->history.contains({answer.from.timeline, answer.from.hi})) {
            return false;
        }
        if (answer.by_primary) {
            if (answer.asked >= requirement_.asked) return true;
            return !requirement_.token && answer.asked + requirement_.bound >= requirement_.asked;
        }
        const position::Wanted wanted =
            position::wanted_by(requirement_, services_.site.progress, lineage->history.current());
        return position::replica_covers(wanted, lineage->history,
                                        {answer.from.timeline, answer.from.as_of}) ==
               position::Coverage::covered;
    }

    Reply reply_from(const cache::Answer& answer) {
        Reply reply = answer.reply;
        facts_.rows = answer.rows;
        respond::set_source(reply, answer.source);
        respond::set_cache_status(reply, cache_status(), why_not_cacheable_);
        const Clock::time_point now = Clock::now();
        if (!answer.by_primary) {
            const auto sample = services_.site.progress.samples().newest_within(answer.from.as_of);
            if (sample) add_age(reply, now - sample->at);
        } else if (answer.asked < requirement_.asked) {
            add_age(reply, now - answer.asked);
        }
        return conclude(std::move(reply), answer.from);
    }

    respond::CacheResult cache_status() const {
        switch (*facts_.memory) {
            case obs::CacheResult::stale:
                return respond::CacheResult::stale;
            case obs::CacheResult::miss:
                return respond::CacheResult::miss;
            default:
                return respond::CacheResult::bypass;
        }
    }

    void add_age(Reply& reply, std::optional<std::chrono::nanoseconds> age) {
        if (!age) return;
        facts_.age = *age;
        respond::set_age(reply, *age);
    }

    /// What belongs to this one answer: its position, its validators, its framing.
    Reply conclude(Reply reply, const position::Provenance& from) {
        position::Position position{from.timeline, from.hi};
        if (requirement_.token) position = position::later_of(*requirement_.token, position);
        const position::ShownBy shown_by =
            shown_by_of(requirement_, from.shown_by, services_.site.progress);
        if (position.timeline != 0 && from.system_id != 0) {
            give_position(*u_.settings, from.system_id, position, shown_by, reply);
        }
        return conditional(u_.request, std::move(reply));
    }

    const Understood& u_;
    Services& services_;
    Facts& facts_;
    parse::Media media_ = parse::Media::json;
    position::Requirement requirement_{};
    std::string_view why_not_cacheable_;
    std::string key_;
};

}  // namespace

Task<Result<Reply>> serve_read(const Understood& understood, Services& services, Facts& facts) {
    ServeRead read{understood, services, facts};
    co_return co_await read.run();
}

}  // namespace lintas::app
