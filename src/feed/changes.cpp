#include "feed/changes.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <type_traits>

namespace lintas::feed {

namespace {

using pgoutput::Tuple;
using position::Lsn;

constexpr std::string_view kPrefix = "lintas";
constexpr std::string_view kRefresh = "refresh:";

}  // namespace

void apply(const Changes& changes, position::Progress& progress) {
    stamp_rows(changes, progress, 0, changes.rows.size());
    finish(changes, progress);
}

void stamp_rows(const Changes& changes, position::Progress& progress, std::size_t first,
                std::size_t count) {
    position::Stamps& stamps = progress.stamps();
    const std::size_t end = std::min(first + count, changes.rows.size());
    for (std::size_t i = first; i < end; ++i) {
        stamps.stamp(changes.rows[i].table, changes.rows[i].key, changes.commit.end);
    }
}

void finish(const Changes& changes, position::Progress& progress) {
    const Lsn end = changes.commit.end;
    if (changes.schema) progress.note_schema_change(end);
    if (changes.everything) progress.raise_global_floor(end);
    for (const std::uint32_t table : changes.tables) progress.stamps().stamp_table(table, end);
    progress.commits().add(changes.commit);
    progress.advance(end);
}

Result<Transactions::Step> Transactions::take(std::string_view message) {
    const Result<pgoutput::Message> decoded = pgoutput::decode(message);
    if (!decoded) return fail(decoded.error());
    if (const auto* begin = std::get_if<pgoutput::Begin>(&*decoded)) {
        if (inside_) return fail(Errc::internal, "the feed began a transaction inside of another");
        changes_.clear();
        inside_ = true;
        too_many_ = false;
        xid_ = begin->xid;
        return Step::none;
    }
    if (const auto* emitted_message = std::get_if<pgoutput::Emitted>(&*decoded)) {
        if (inside_) {
            emitted(*emitted_message);
            return Step::none;
        }
        if (emitted_message->prefix != kPrefix) return Step::none;
        changes_.clear();
        emitted(*emitted_message);
        changes_.commit.end = emitted_message->at;
        const bool matters = changes_.everything || !changes_.tables.empty();
        return matters ? Step::outside : Step::none;
    }
    if (const auto* relation = std::get_if<pgoutput::Relation>(&*decoded)) {
        describe(*relation);
        return Step::none;
    }
    if (std::holds_alternative<pgoutput::Type>(*decoded)) return Step::none;
    if (!inside_) return fail(Errc::internal, "the feed sent a change outside of a transaction");
    if (const auto* commit = std::get_if<pgoutput::Commit>(&*decoded)) {
        if (commit->end <= commit->start) {
            return fail(Errc::internal, "the feed sent a commit that ends before it starts");
        }
        changes_.commit = {commit->start, commit->end, xid_};
        inside_ = false;
        return Step::commit;
    }
    if (const auto* one = std::get_if<pgoutput::Insert>(&*decoded)) {
        insert(*one);
    } else if (const auto* update_message = std::get_if<pgoutput::Update>(&*decoded)) {
        update(*update_message);
    } else if (const auto* deleted = std::get_if<pgoutput::Delete>(&*decoded)) {
        remove(*deleted);
    } else if (const auto* truncated = std::get_if<pgoutput::Truncate>(&*decoded)) {
        truncate(*truncated);
    }
    return Step::none;
}

void Transactions::restart() {
    changes_.clear();
    inside_ = unknown_ = too_many_ = false;
    relations_.clear();
    last_ = nullptr;
}

void Transactions::tables_changed() {
    for (auto& [oid, relation] : relations_) plan(relation);
}

void Transactions::describe(const pgoutput::Relation& relation) {
    Plan& described = relations_[relation.oid];
    described.oid = relation.oid;
    described.replica_identity = relation.replica_identity;
    described.columns.clear();
    relation.for_each_column([&](std::uint16_t, const pgoutput::Relation::Column& column) {
        described.columns.emplace_back(column.name, column.identity);
    });
    plan(described);
    last_ = nullptr;
}

void Transactions::plan(Plan& relation) const {
    const PublishedTable* const table = book_.find(relation.oid);
    relation.known = table != nullptr;
    relation.key.clear();
    relation.identity_has_key = false;
    if (table == nullptr) return;
    relation.table = table->root;
    bool all_identity = true;
    for (const std::string& name : table->key) {
        const auto column =
            std::ranges::find(relation.columns, name, &std::pair<std::string, bool>::first);
        if (column == relation.columns.end()) {
            relation.key.clear();
            return;
        }
        relation.key.push_back(static_cast<std::uint16_t>(column - relation.columns.begin()));
        all_identity = all_identity && column->second;
    }
    relation.identity_has_key = all_identity;
}

const Transactions::Plan* Transactions::placed(std::uint32_t relation) {
    if (last_ == nullptr || last_->oid != relation) {
        const auto found = relations_.find(relation);
        last_ = found == relations_.end() ? nullptr : &found->second;
    }
    if (last_ != nullptr && last_->known) return last_;
    changes_.everything = true;
    unknown_ = true;
    return nullptr;
}

void Transactions::emitted(const pgoutput::Emitted& message) {
    if (message.prefix != kPrefix) return;
    if (message.content == "ddl") {
        changes_.everything = changes_.schema = true;
    } else if (message.content.starts_with(kRefresh)) {
        const std::string_view digits = message.content.substr(kRefresh.size());
        std::uint32_t oid = 0;
        const auto [stop, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), oid);
        if (ec == std::errc{} && stop == digits.data() + digits.size()) {
            whole(oid);
        } else {
            changes_.everything = true;
        }
    }
}

void Transactions::insert(const pgoutput::Insert& message) {
    const Plan* const plan = placed(message.relation);
    if (plan != nullptr) row(*plan, message.row, nullptr);
}

void Transactions::update(const pgoutput::Update& message) {
    const Plan* const plan = placed(message.relation);
    if (plan == nullptr) return;
    if (message.kind == pgoutput::Old::none) {
        // No old row: the replica identity is the same. Only if the key is part of it, so is the
        // key.
        if (!plan->identity_has_key) return whole(plan->table);
        return row(*plan, message.row, nullptr);
    }
    row(*plan, message.old, nullptr);
    row(*plan, message.row, &message.old);
}

void Transactions::remove(const pgoutput::Delete& message) {
    const Plan* const plan = placed(message.relation);
    if (plan != nullptr) row(*plan, message.old, nullptr);
}

void Transactions::truncate(const pgoutput::Truncate& message) {
    for (std::uint32_t i = 0; i < message.relations; ++i) {
        const PublishedTable* const table = book_.find(message.at(i));
        if (table != nullptr) {
            whole(table->root);
        } else {
            changes_.everything = true;
            unknown_ = true;
        }
    }
}

/// `fallback` has the values of columns that are not sent because they did not change.
void Transactions::row(const Plan& plan, const Tuple& tuple, const Tuple* fallback) {
    if (plan.key.empty()) return whole(plan.table);
    if (too_many_) return whole(plan.table);
    position::KeyHasher hasher;
    for (const std::uint16_t index : plan.key) {
        Tuple::Column column;
        if (index < tuple.columns()) column = tuple.at(index);
        if (column.kind == Tuple::Kind::unchanged && fallback != nullptr &&
            index < fallback->columns()) {
            column = fallback->at(index);
        }
        if (column.kind != Tuple::Kind::text) return whole(plan.table);
        hasher.add(column.value);
    }
    if (changes_.rows.size() >= keys_most_) {
        too_many_ = true;
        for (const Changes::Row& known : changes_.rows) whole(known.table);
        changes_.rows.clear();
        changes_.rows.shrink_to_fit();
        return whole(plan.table);
    }
    changes_.rows.push_back({plan.table, hasher.hash()});
}

void Transactions::whole(std::uint32_t table) {
    std::vector<std::uint32_t>& tables = changes_.tables;
    if (!tables.empty() && tables.back() == table) return;
    if (std::ranges::find(tables, table) == tables.end()) tables.push_back(table);
}

}  // namespace lintas::feed
