#pragma once
// What a hub does beside the stream, on an ordinary connection: heartbeats, the list of published
// tables, a watch over the slot, its own entry in lintas.hub. None of it ever stops the stream.

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/task.hpp"
#include "feed/context.hpp"
#include "feed/tables.hpp"
#include "postgres/connection.hpp"

namespace lintas::feed {

/// Of pg_replication_slots.
struct SlotState {
    bool exists = false;
    bool usable_kind = false;  // logical, pgoutput, of this database
    bool active = false;
    std::string kind{};  // "plugin test_decoding in database other"
    std::string wal_status{};
    std::optional<std::int64_t> safe_wal_size{};
    position::Lsn confirmed{};
    std::int64_t keep_size = -1;  // max_slot_wal_keep_size in bytes; -1: without limit
};
std::string slot_query();  // of one parameter
Result<SlotState> decode_slot(const postgres::Rows& rows);

/// Shared with its own coroutine, which may outlive the stream that it was for.
class Side : public std::enable_shared_from_this<Side> {
 public:
    /// `on_roles`: what roles may read now, as a hash, and a position behind the last change of it.
    Side(Context& context, std::function<void(TableLook)> on_tables,
         std::function<void(std::string_view roles, position::Lsn insert)> on_roles)
        : context_(context),
          on_tables_(std::move(on_tables)),
          on_roles_(std::move(on_roles)),
          wake_(context.io) {}

    // Before run(), and awaited:
    Task<Result<void>> connect();
    Task<Result<SlotState>> look_at_slot();
    Task<Result<TableLook>> look_at_tables();

    /// Goes on until stop(), connecting anew when it must. Cancel: terminal.
    static Task<void> run(std::shared_ptr<Side> self);
    /// on_tables and on_roles are not called any more.
    void stop();

    /// The catalogue changed, or seems to have: on_tables soon.
    void want_tables();
    /// A table waits for old transactions to end: look more often.
    void set_pending(bool pending) { pending_ = pending; }
    const SlotState& slot() const { return slot_; }
    void set_hub_address(std::string address) { address_ = std::move(address); }

 private:
    Task<void> go_on();
    Task<Result<void>> work();
    Task<bool> is_over();
    Task<Result<void>> write_heartbeat();
    Task<Result<void>> look_at_roles();
    Task<Result<void>> announce();
    void judge(const SlotState& slot);
    Task<Result<postgres::UnitResults>> ask(std::vector<Statement> statements);

    Context& context_;
    const std::function<void(TableLook)> on_tables_;
    const std::function<void(std::string_view, position::Lsn)> on_roles_;
    asio::steady_timer wake_;
    std::unique_ptr<postgres::Connection> connection_;
    SlotState slot_;
    std::string address_;
    bool wanted_ = false;
    bool pending_ = false;
    bool has_triggers_ = false;
    bool announced_ = false;
    bool stopped_ = false;
};

/// Who holds the slot, as lintas.hub says; nullopt: nobody is written there.
struct HubRow {
    std::string id{};
    std::string address{};
    std::string roles{};  // as Side's on_roles tells, now
};
Task<Result<std::optional<HubRow>>> read_hub_row(Context& context);

}  // namespace lintas::feed
