#include "feed/hub.hpp"

#include <fmt/format.h>

#include <boost/asio/post.hpp>

#include "feed/waiting.hpp"
#include "feed/wire.hpp"

namespace lintas::feed {

namespace {

using namespace std::chrono_literals;
using position::Lsn;

constexpr Clock::duration kAcknowledgeEvery = 100ms;
constexpr Clock::duration kCommandLimit = 5s;
constexpr Clock::duration kTablesLimit = 30s;  // for a DDL commit to become visible
constexpr std::size_t kRowsAtOnce = 16384;     // stamps between two turns of the loop
constexpr int kSlice = 2048;                   // messages between two looks at the clock

bool is_taken(const Error& error) {
    return error.sqlstate == "55006";  // object_in_use
}

std::string literal(std::string_view text) {
    std::string out{"'"};
    for (const char c : text) {
        if (c == '\'') out += c;
        out += c;
    }
    return out + "'";
}

}  // namespace

StreamStart stream_start(Lsn watermark, Lsn flushed, Lsn confirmed) {
    const bool known = watermark && watermark <= flushed && watermark >= confirmed;
    return known ? StreamStart{watermark, true} : StreamStart{confirmed, false};
}

void Hub::reconnect() {
    stop_ = Error{Errc::connection_lost, "connecting anew"};
    if (stream_) stream_->wake();
}

/// Not cured by trying again: somebody has to put it right.
Error Hub::refused(std::string sentence) {
    not_possible_ = true;
    return Error{Errc::internal, std::move(sentence)};
}

Task<Hub::Ended> Hub::run() {
    co_await asio::this_coro::throw_if_cancelled(false);
    not_possible_ = false;
    stop_.reset();
    const Result<void> ended = co_await session();
    const bool cancelled = co_await is_cancelled();

    holds_ = false;
    publisher_.close();
    if (context_.progress.feed() == position::FeedState::live) {
        context_.progress.set_feed(position::FeedState::lost);
    }
    stream_.reset();
    if (side_) side_->stop();
    side_.reset();
    for (const std::string_view about :
         {kAboutHeartbeat, kAboutTables, kAboutHubRow, kAboutWal, kAboutTriggers}) {
        context_.problems.forget(about);
    }
    if (cancelled) co_return Ended::cancelled;
    if (is_taken(ended.error())) co_return Ended::taken;
    // The slot is older than the publication, or its write-ahead log is gone.
    remake_slot_ = ended.error().sqlstate == "42704" || ended.error().sqlstate == "58P01";
    context_.problems.set(kAboutFeed,
                          fmt::format("The change feed stands still: {}.", text_of(ended.error())));
    co_return not_possible_ ? Ended::not_possible : Ended::broken;
}

/// Always ends with an error.
Task<Result<void>> Hub::session() {
    const postgres::ConnectOptions connect = context_.options.connect;
    const Deadline connect_by = Deadline::in(context_.options.connect_limit);
    Result<std::unique_ptr<Replication>> opened =
        co_await Replication::open(context_.io, connect, connect_by);
    if (!opened) co_return fail(opened.error());
    stream_ = std::move(*opened);

    const Deadline identify_by = Deadline::in(kCommandLimit);
    const Result<Identity> identity = co_await stream_->identify(identify_by);
    if (!identity) co_return fail(identity.error());
    Result<void> step = co_await agree_on_lineage(*stream_, *identity);
    if (!step) co_return step;
    step = co_await ensure_slot(*stream_);
    if (!step) co_return step;

    // Commits that ended up to here are not sent again; the slot's own mark counts if it is later.
    const Lsn watermark = context_.progress.watermark();
    const Lsn ask = watermark <= identity->position ? watermark : position::kNoLsn;
    const Deadline start_by = Deadline::in(kCommandLimit);
    step =
        co_await stream_->start(context_.options.slot, context_.options.publication, ask, start_by);
    if (!step) co_return step;
    step = co_await begin(identity->position, ask);
    if (!step) co_return step;

    context_.tasks->spawn("feed.side", Side::run(side_));
    step = co_await follow();
    co_return step;
}

Task<Result<void>> Hub::agree_on_lineage(Replication& stream, const Identity& identity) {
    std::shared_ptr<const position::Lineage> known = context_.progress.lineage().get();
    const bool same_cluster = known->system_id == identity.system_id;
    const auto is_deposed = [&] {
        return same_cluster && identity.timeline < known->history.current();
    };
    const auto deposed = [&] {
        return refused(fmt::format(
            "the server is a deposed primary, on timeline {} while timeline {} has been seen",
            identity.timeline, known->history.current()));
    };
    if (is_deposed()) co_return fail(deposed());
    const Deadline deadline = Deadline::in(kCommandLimit);
    Result<position::History> history = co_await stream.history(identity.timeline, deadline);
    if (!history) co_return fail(history.error());
    known = context_.progress.lineage().get();  // the pulse may have been faster
    if (is_deposed()) co_return fail(deposed());
    if (known->system_id != 0 && known->system_id != identity.system_id) context_.book.clear();
    context_.progress.change_lineage({identity.system_id, std::move(*history)});
    lineage_ = context_.progress.lineage().version();
    co_return Result<void>{};
}

Task<Result<void>> Hub::ensure_slot(Replication& stream) {
    std::string query = slot_query();
    const std::size_t parameter = query.find("$1");
    query.replace(parameter, 2, literal(context_.options.slot));
    const Deadline deadline = Deadline::in(kCommandLimit);
    const std::string copy = query;
    const Result<postgres::Rows> rows = co_await stream.command(copy, deadline);
    if (!rows) co_return fail(rows.error());
    const Result<SlotState> slot = decode_slot(*rows);
    if (!slot) co_return fail(slot.error());
    if (slot->exists && !slot->usable_kind) {
        co_return fail(refused(fmt::format("the replication slot {} is of another kind ({})",
                                           context_.options.slot, slot->kind)));
    }
    if (slot->exists && slot->active) {
        co_return fail(Error{Errc::sql, "another process has the slot", {}, {}, "55006"});
    }

    const std::string publication = fmt::format("SELECT FROM pg_publication WHERE pubname = {}",
                                                literal(context_.options.publication));
    const Deadline publication_by = Deadline::in(kCommandLimit);
    const Result<postgres::Rows> found = co_await stream.command(publication, publication_by);
    if (!found) co_return fail(found.error());
    if (found->rows() == 0) {
        // A slot from before the publication could not decode what came between.
        co_return fail(
            refused(fmt::format("the publication {} does not exist; lintas migrate "
                                "makes it",
                                context_.options.publication)));
    }
    const bool usable = slot->wal_status != "lost" && slot->confirmed && !remake_slot_;
    if (slot->exists && usable) co_return Result<void>{};
    if (slot->exists) {
        const std::string drop = fmt::format("DROP_REPLICATION_SLOT \"{}\"", context_.options.slot);
        const Deadline drop_by = Deadline::in(kCommandLimit);
        const Result<postgres::Rows> dropped = co_await stream.command(drop, drop_by);
        if (!dropped) co_return fail(dropped.error());
        remake_slot_ = false;
        context_.event("warn",
                       slot->wal_status == "lost"
                           ? "The replication slot was lost, since the primary had to recycle the "
                             "write-ahead log that it needed: it is made anew, and what was cached "
                             "before counts as changed."
                           : "The replication slot cannot be read from where it stands: it is made "
                             "anew, and what was cached before counts as changed.");
    }
    Result<void> created = co_await create_slot(stream);
    co_return created;
}

Task<Result<void>> Hub::create_slot(Replication& stream) {
    const std::string create = fmt::format(
        "CREATE_REPLICATION_SLOT \"{}\" LOGICAL pgoutput NOEXPORT_SNAPSHOT", context_.options.slot);
    const Deadline deadline = Deadline::in(context_.options.slot_creation_limit);
    const Result<postgres::Rows> created = co_await stream.command(create, deadline);
    if (created) {
        context_.event("info",
                       fmt::format("The replication slot {} was made.", context_.options.slot));
        co_return Result<void>{};
    }
    if (created.error().code != Errc::deadline_exceeded) {
        if (created.error().sqlstate == "42710") {  // duplicate_object: another process just did
            co_return fail(Error{Errc::sql, "another process made the slot", {}, {}, "55006"});
        }
        co_return fail(created.error());
    }
    // The server would go on waiting, holding the slot's name, long after we have hung up.
    stream.cancel_running();
    co_return fail(Errc::deadline_exceeded,
                   "the replication slot cannot be made while transactions are open that are older "
                   "than the attempt, prepared ones among them (pg_prepared_xacts)");
}

/// The slot is held now: where does the stream begin, and which tables are in it?
Task<Result<void>> Hub::begin(Lsn flushed, Lsn asked) {
    side_ = std::make_shared<Side>(
        context_, [this](TableLook look) { take_tables(std::move(look)); },
        [this](std::string_view roles, Lsn insert) { take_roles(roles, insert); });
    std::string address = context_.options.address;
    if (address.empty() && !context_.options.listen.empty()) {
        const std::string& text = context_.options.listen;
        address = text.substr(0, text.rfind(':') + 1) + std::to_string(publisher_.port());
    }
    side_->set_hub_address(std::move(address));
    const Result<void> connected = co_await side_->connect();
    if (!connected) co_return connected;
    const Result<SlotState> slot = co_await side_->look_at_slot();
    if (!slot) co_return fail(slot.error());
    Result<TableLook> look = co_await side_->look_at_tables();
    if (!look) co_return fail(look.error());
    if (context_.progress.lineage().version() != lineage_) {
        co_return fail(Errc::connection_lost, "the primary's timeline changed");
    }
    // Nothing above moved W, or what was asked for is not what would come.
    const Lsn watermark = context_.progress.watermark() == asked ? asked : position::kNoLsn;
    StreamStart start = stream_start(watermark, flushed, slot->confirmed);
    if (must_break_) start = {slot->confirmed, false};
    must_break_ = false;
    context_.progress.restart_feed(start.from, start.continuous);
    if (!start.continuous) {
        context_.book.clear();
        context_.event("info", fmt::format("The change feed begins anew at {}.",
                                           position::to_text(start.from)));
    }
    transactions_.restart();
    context_.ring.restart(start.from);
    ring_has_ = start.from;
    fingerprint_ = 0;
    // What was decoded between the start and now was decoded with the tables of now.
    if (!start.continuous) raise_floor(look->insert);
    take_tables(std::move(*look));
    if (stop_) co_return fail(*stop_);
    send_tables(context_.progress.stamps().global_floor());

    holds_ = true;
    context_.progress.set_feed(position::FeedState::live);
    context_.problems.clear(kAboutFeed);
    context_.event(
        "info", fmt::format("This process holds the replication slot {}.", context_.options.slot));
    publisher_.open();
    acknowledge_at_ = Clock::now();
    co_return Result<void>{};
}

Task<Result<void>> Hub::follow() {
    for (;;) {
        const bool cancelled = co_await is_cancelled();
        if (cancelled) {
            static_cast<void>(keep_acknowledging(true));
            co_return fail(Errc::cancelled, "cancelled");
        }
        if (stop_) co_return fail(*stop_);
        if (context_.progress.lineage().version() != lineage_) {
            co_return fail(Errc::connection_lost, "the primary's timeline changed");
        }
        bool idle = false;
        bool answer_now = false;
        for (int i = 0; i < kSlice && !idle; ++i) {
            const Result<std::optional<StreamMessage>> message = stream_->next();
            if (!message) co_return fail(message.error());
            if (!*message) {
                idle = true;
                break;
            }
            if ((*message)->kind == StreamMessage::Kind::keepalive) {
                answer_now = answer_now || (*message)->reply_requested;
                // In the middle of a transaction it speaks of what was decoded, not of what came.
                if (!transactions_.inside()) context_.progress.advance((*message)->end);
                continue;
            }
            const Result<Transactions::Step> step = transactions_.take((*message)->payload);
            if (!step) co_return fail(step.error());
            if (*step == Transactions::Step::none) continue;
            if (*step == Transactions::Step::outside) {
                raise_floor(transactions_.changes().commit.end);
                if (transactions_.changes().schema) context_.schema_changed();
                continue;
            }
            const Result<void> taken = co_await take_commit();
            if (!taken) co_return taken;
        }
        const Result<void> acknowledged = keep_acknowledging(answer_now);
        if (!acknowledged) co_return acknowledged;
        publisher_.notify();
        if (!idle) {
            co_await asio::post(context_.io, asio::use_awaitable);
            continue;
        }
        if (Clock::now() - stream_->heard_at() > context_.options.silence_limit) {
            co_return fail(Errc::connection_lost, "the primary is silent");
        }
        co_await stream_->wait(acknowledge_at_);
    }
}

Task<Result<void>> Hub::take_commit() {
    const Changes& changes = transactions_.changes();
    if (changes.schema) {
        // Whatever the catalogue says now about tables has to be known before W passes the DDL.
        context_.progress.raise_global_floor(changes.commit.end);
        const Result<void> known = co_await wait_for_tables(changes.commit.xid);
        if (!known) co_return known;
    }
    for (std::size_t i = 0; i < changes.rows.size(); i += kRowsAtOnce) {
        stamp_rows(changes, context_.progress, i, kRowsAtOnce);
        if (i + kRowsAtOnce >= changes.rows.size()) break;
        co_await asio::post(context_.io, asio::use_awaitable);
        const bool cancelled = co_await is_cancelled();
        if (cancelled) co_return fail(Errc::cancelled, "cancelled");
        if (context_.progress.lineage().version() != lineage_) {
            co_return fail(Errc::connection_lost, "the primary's timeline changed");
        }
    }
    finish(changes, context_.progress);
    frame_.clear();
    wire::append(frame_, changes);
    context_.ring.append(frame_, changes.commit.end);
    ring_has_ = changes.commit.end;
    if (changes.schema) context_.schema_changed();
    if (transactions_.unknown_relation()) side_->want_tables();
    co_return Result<void>{};
}

Task<Result<void>> Hub::wait_for_tables(std::uint32_t xid) {
    const Deadline deadline = Deadline::in(kTablesLimit);
    while (!tables_reflect_.shows(xid)) {
        const bool cancelled = co_await is_cancelled();
        if (cancelled) co_return fail(Errc::cancelled, "cancelled");
        if (stop_) co_return fail(*stop_);
        if (context_.progress.lineage().version() != lineage_) {
            co_return fail(Errc::connection_lost, "the primary's timeline changed");
        }
        if (deadline.passed()) {
            co_return fail(Errc::deadline_exceeded,
                           "a change of the schema does not become visible on the primary");
        }
        const Result<void> acknowledged = keep_acknowledging(false);
        if (!acknowledged) co_return acknowledged;
        side_->want_tables();
        co_await sleep_until(stall_, Clock::now() + 20ms);
    }
    co_return Result<void>{};
}

/// Regularly, and when the server asks. Asking it back keeps W moving while nothing that is
/// published changes, and shows whether it is still there.
Result<void> Hub::keep_acknowledging(bool now) {
    if (!now && Clock::now() < acknowledge_at_) return {};
    acknowledge_at_ = Clock::now() + kAcknowledgeEvery;
    const Lsn watermark = context_.progress.watermark();
    if (watermark > ring_has_) {
        frame_.clear();
        wire::append(frame_, wire::Watermark{watermark});
        context_.ring.append(frame_, watermark);
        ring_has_ = watermark;
    }
    return stream_->acknowledge(watermark, true);
}

void Hub::raise_floor(Lsn to) {
    context_.progress.raise_global_floor(to);
    frame_.clear();
    wire::append(frame_, wire::Floor{to});
    context_.ring.append(frame_, position::kNoLsn);
}

void Hub::send_tables(Lsn floor) {
    frame_.clear();
    wire::append(frame_, wire::Tables{floor, context_.book.followed_members()});
    context_.ring.append(frame_, position::kNoLsn);
}

/// Kept from one stream to the next: one that goes on where the last one ended lacks nothing else.
void Hub::take_roles(std::string_view roles, Lsn insert) {
    if (roles_ == roles) return;
    const bool first = roles_.empty();
    roles_ = roles;
    if (first) return;
    raise_floor(insert);
    publisher_.notify();
    context_.schema_changed();
}

void Hub::take_tables(TableLook look) {
    if (!look.publication_exists) {
        stop_ = refused(fmt::format("the publication {} does not exist; lintas migrate makes it",
                                    context_.options.publication));
    } else if (!look.publishes_everything) {
        stop_ =
            refused(fmt::format("the publication {} leaves out inserts, updates, deletes or "
                                "truncates",
                                context_.options.publication));
    } else if (look.via_root) {
        stop_ =
            refused(fmt::format("the publication {} has publish_via_partition_root, and then "
                                "the TRUNCATE of a partition is not sent",
                                context_.options.publication));
    }
    if (stop_) {
        // Changes may be missing already; the next stream starts with a floor of its own.
        context_.progress.raise_global_floor(position::kEndOfTime);
        must_break_ = true;
        if (stream_) stream_->wake();
        return;
    }
    const TableBook::Taken taken = context_.book.take(look);
    const bool catalogue_changed =
        !look.has_triggers && fingerprint_ != 0 && fingerprint_ != look.fingerprint;
    fingerprint_ = look.fingerprint;
    tables_reflect_ = look.before;
    if (taken.changed || catalogue_changed) raise_floor(look.insert);
    if (taken.followed) context_.progress.stamps().follow(context_.book.followed(), look.insert);
    if (taken.changed || taken.followed) {
        send_tables(look.insert);
        publisher_.notify();
    }
    transactions_.tables_changed();
    side_->set_pending(taken.pending);
    if (catalogue_changed) context_.schema_changed();
    if (look.has_triggers) {
        context_.problems.clear(kAboutTriggers);
    } else {
        context_.problems.set(kAboutTriggers,
                              "The event triggers of lintas migrate are missing: changes of the "
                              "schema are noticed about a second late, by polling.");
    }
    stall_.cancel();
}

}  // namespace lintas::feed
