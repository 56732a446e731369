#include "position/stamps.hpp"

#include <algorithm>
#include <bit>

namespace lintas::position {

namespace {

void raise(std::atomic<Lsn>& place, Lsn to) {
    if (place.load(std::memory_order_relaxed) < to) place.store(to, std::memory_order_relaxed);
}

}  // namespace

std::size_t buckets_for(double rows) {
    const double wanted = std::clamp(rows, static_cast<double>(Stamps::kBucketsMin),
                                     static_cast<double>(Stamps::kBucketsMax));
    return std::bit_ceil(static_cast<std::size_t>(wanted));
}

// FNV-1a 64 with a finalizer: its low bits choose the bucket. Keys are a few bytes long.
void KeyHasher::add(std::string_view value) {
    constexpr std::uint64_t kPrime = 1099511628211ULL;
    for (const char c : value) state_ = (state_ ^ static_cast<unsigned char>(c)) * kPrime;
    state_ = (state_ ^ value.size()) * kPrime;  // so that ("a", "bc") is not ("ab", "c")
    state_ ^= state_ >> 32U;
}

TableStamps::TableStamps(std::uint32_t oid, std::size_t buckets, Lsn floor)
    : oid_(oid), newest_(kNoLsn), floor_(floor) {
    grow(buckets);
}

std::size_t TableStamps::buckets() const {
    return buckets_.load(std::memory_order_acquire)->mask + 1;
}

Lsn TableStamps::newest_of_row(KeyHash key) const {
    const Buckets& buckets = *buckets_.load(std::memory_order_acquire);
    return buckets.ends[key & buckets.mask].load(std::memory_order_relaxed);
}

void TableStamps::stamp(KeyHash key, Lsn end) {
    Buckets& buckets = *buckets_.load(std::memory_order_relaxed);
    raise(buckets.ends[key & buckets.mask], end);
    raise(newest_, end);
}

void TableStamps::stamp_table(Lsn end) {
    raise(floor_, end);
    raise(newest_, end);
}

void TableStamps::grow(std::size_t count) {
    const Buckets* const old = buckets_.load(std::memory_order_relaxed);
    if (old != nullptr && old->mask + 1 >= count) return;
    auto larger = std::make_unique<Buckets>(count);
    for (std::size_t i = 0; old != nullptr && i < count; ++i) {
        // A key whose new bucket is i was in this one.
        larger->ends[i].store(old->ends[i & old->mask].load(std::memory_order_relaxed),
                              std::memory_order_relaxed);
    }
    buckets_.store(larger.get(), std::memory_order_release);
    generations_.push_back(std::move(larger));
}

void Stamps::follow(const std::vector<Table>& tables, Lsn floor) {
    const std::lock_guard lock{mutex_};
    std::map<std::uint32_t, std::shared_ptr<TableStamps>> next;
    for (const Table& table : tables) {
        const auto known = tables_.find(table.oid);
        if (known == tables_.end()) {
            next.emplace(table.oid,
                         std::make_shared<TableStamps>(table.oid, buckets_for(table.rows), floor));
        } else {
            known->second->grow(buckets_for(table.rows));
            next.emplace(table.oid, known->second);
        }
    }
    for (const auto& [oid, gone] : tables_) {
        // Entries that depend on it hold it.
        if (!next.contains(oid)) gone->floor_.store(kEndOfTime, std::memory_order_relaxed);
    }
    tables_ = std::move(next);
}

// Only the writer changes the map, so it reads it without the lock.
TableStamps* Stamps::find(std::uint32_t oid) {
    const auto found = tables_.find(oid);
    return found == tables_.end() ? nullptr : found->second.get();
}

void Stamps::stamp(std::uint32_t oid, KeyHash key, Lsn end) {
    if (TableStamps* const table = find(oid)) table->stamp(key, end);
    count_.store(count_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void Stamps::stamp_table(std::uint32_t oid, Lsn end) {
    if (TableStamps* const table = find(oid)) table->stamp_table(end);
    count_.store(count_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void Stamps::raise_global_floor(Lsn end) {
    raise(global_floor_, end);
}

void Stamps::load(std::uint32_t oid, Lsn newest, Lsn floor, std::span<const Lsn> buckets) {
    TableStamps* const table = find(oid);
    if (table == nullptr || buckets.empty() || !std::has_single_bit(buckets.size())) return;
    table->grow(buckets.size());
    TableStamps::Buckets& mine = *table->buckets_.load(std::memory_order_relaxed);
    for (std::size_t i = 0; i <= mine.mask; ++i) {
        raise(mine.ends[i], buckets[i & (buckets.size() - 1)]);
    }
    raise(table->newest_, newest);
    raise(table->floor_, floor);
}

std::shared_ptr<const TableStamps> Stamps::table(std::uint32_t oid) const {
    const std::lock_guard lock{mutex_};
    const auto found = tables_.find(oid);
    return found == tables_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<const TableStamps>> Stamps::tables() const {
    const std::lock_guard lock{mutex_};
    std::vector<std::shared_ptr<const TableStamps>> all;
    for (const auto& [oid, table] : tables_) all.push_back(table);
    return all;
}

Lsn Stamps::newest(std::span<const Dependency> dependencies) const {
    Lsn newest = global_floor();
    for (const Dependency& dependency : dependencies) {
        if (!dependency.table) return kEndOfTime;
        newest = std::max(newest, dependency.table->floor());
        newest = std::max(newest, dependency.row ? dependency.table->newest_of_row(*dependency.row)
                                                 : dependency.table->newest());
    }
    return newest;
}

}  // namespace lintas::position
