#include "feed/wire.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace lintas::feed::wire {

namespace {

// An estimate of a table's rows; a double holds every number up to here exactly.
constexpr std::uint64_t kRowsMost = std::uint64_t{1} << 50U;

using position::Lsn;

constexpr std::uint32_t kKeyColumnsMost = 32;  // INDEX_MAX_KEYS

enum class Type : std::uint8_t {
    hello = 1,
    tables = 2,
    stamps = 3,
    transferred = 4,
    changes = 5,
    watermark = 6,
    floor = 7,
    ping = 8,
    pong = 9,
};

class Writer {
 public:
    Writer(std::string& out, Type type) : out_(out), start_(out.size()) {
        number(0, 4);
        number(static_cast<std::uint8_t>(type), 1);
    }
    ~Writer() {
        const std::size_t length = out_.size() - start_ - 4;
        for (std::size_t i = 0; i < 4; ++i) {
            out_[start_ + i] = static_cast<char>((length >> (8 * (3 - i))) & 0xFFU);
        }
    }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    void number(std::uint64_t value, std::size_t width) {
        char bytes[8];
        for (std::size_t i = 0; i < width; ++i) {
            bytes[i] = static_cast<char>((value >> (8 * (width - 1 - i))) & 0xFFU);
        }
        out_.append(bytes, width);
    }
    void u8(std::uint64_t value) { number(value, 1); }
    void u32(std::uint64_t value) { number(value, 4); }
    void u64(std::uint64_t value) { number(value, 8); }
    void lsn(Lsn lsn) { u64(lsn.value); }
    void text(std::string_view text) {
        u32(text.size());
        out_.append(text);
    }

 private:
    std::string& out_;
    std::size_t start_;
};

class Reader {
 public:
    explicit Reader(std::string_view bytes) : rest_(bytes) {}

    std::uint64_t number(std::size_t width) {
        if (rest_.size() < width) {
            refuse();
            return 0;
        }
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < width; ++i) {
            value = (value << 8U) | static_cast<unsigned char>(rest_[i]);
        }
        rest_.remove_prefix(width);
        return value;
    }
    std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
    std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
    std::uint64_t u64() { return number(8); }
    Lsn lsn() { return Lsn{number(8)}; }
    std::string text() {
        const std::size_t size = u32();
        if (rest_.size() < size) {
            refuse();
            return {};
        }
        std::string text{rest_.substr(0, size)};
        rest_.remove_prefix(size);
        return text;
    }
    /// A count of things that take at least `each` bytes: what is not there is not allocated for.
    std::uint32_t count(std::size_t each) {
        const std::uint32_t count = u32();
        if (count > rest_.size() / each) {
            refuse();
            return 0;
        }
        return count;
    }
    void refuse() {
        good_ = false;
        rest_ = {};
    }
    bool done() const { return good_ && rest_.empty(); }
    bool good() const { return good_; }

 private:
    std::string_view rest_;
    bool good_ = true;
};

Hello hello(Reader& in) {
    Hello frame;
    if (in.u8() != kFormat) in.refuse();
    frame.lineage.system_id = in.u64();
    const std::uint32_t timeline = in.u32();
    std::vector<position::History::Ended> ancestors(in.count(12));
    for (position::History::Ended& ended : ancestors) {
        ended.timeline = in.u32();
        ended.at = in.lsn();
    }
    frame.lineage.history = position::History{timeline, std::move(ancestors)};
    frame.resumes = in.u8() != 0;
    return frame;
}

Tables tables(Reader& in) {
    Tables frame;
    frame.floor = in.lsn();
    frame.tables.resize(in.count(20));
    for (PublishedTable& table : frame.tables) {
        table.oid = in.u32();
        table.root = in.u32();
        table.rows = static_cast<double>(std::min(in.u64(), kRowsMost));
        const std::uint32_t columns = in.count(4);
        if (columns > kKeyColumnsMost) in.refuse();
        if (!in.good()) break;
        table.key.resize(columns);
        for (std::string& column : table.key) column = in.text();
    }
    return frame;
}

void stamps(Reader& in, Stamps& frame) {
    frame.table = in.u32();
    frame.newest = in.lsn();
    frame.floor = in.lsn();
    frame.buckets = in.u32();
    frame.first = in.u32();
    frame.ends.resize(in.count(8));
    for (Lsn& end : frame.ends) end = in.lsn();
    const bool whole =
        std::has_single_bit(frame.buckets) && frame.buckets <= position::Stamps::kBucketsMax &&
        frame.first <= frame.buckets && frame.ends.size() <= frame.buckets - frame.first;
    if (!whole) in.refuse();
}

void changes(Reader& in, Changes& frame) {
    frame.clear();
    frame.commit.start = in.lsn();
    frame.commit.end = in.lsn();
    frame.commit.xid = in.u32();
    const std::uint8_t flags = in.u8();
    frame.everything = (flags & 1U) != 0;
    frame.schema = (flags & 2U) != 0;
    frame.tables.resize(in.count(4));
    for (std::uint32_t& table : frame.tables) table = in.u32();
    // Runs of one table: most transactions change few.
    for (std::uint32_t runs = in.count(8); runs > 0 && in.good(); --runs) {
        const std::uint32_t table = in.u32();
        const std::uint32_t count = in.count(8);
        for (std::uint32_t i = 0; i < count; ++i) frame.rows.push_back({table, in.u64()});
    }
}

template <class T>
T& as(Frame& frame) {
    T* const same = std::get_if<T>(&frame);
    return same != nullptr ? *same : frame.emplace<T>();
}

bool decode(std::string_view bytes, Frame& frame) {
    Reader in{bytes};
    switch (static_cast<Type>(in.u8())) {
        case Type::hello:
            frame = hello(in);
            break;
        case Type::tables:
            frame = tables(in);
            break;
        case Type::stamps:
            stamps(in, as<Stamps>(frame));
            break;
        case Type::transferred: {
            const Lsn floor = in.lsn();
            frame = Transferred{floor, in.lsn()};
            break;
        }
        case Type::changes:
            changes(in, as<Changes>(frame));
            break;
        case Type::watermark:
            frame = Watermark{in.lsn()};
            break;
        case Type::floor:
            frame = Floor{in.lsn()};
            break;
        case Type::ping:
            frame = Ping{in.u64()};
            break;
        case Type::pong: {
            Pong pong;
            pong.id = in.u64();
            pong.age_us = in.u64();
            pong.lsn = in.lsn();
            frame = pong;
            break;
        }
        default:
            return false;
    }
    return in.done();
}

}  // namespace

void append(std::string& out, const Hello& frame) {
    Writer to{out, Type::hello};
    to.u8(kFormat);
    to.u64(frame.lineage.system_id);
    to.u32(frame.lineage.history.current());
    to.u32(frame.lineage.history.ancestors().size());
    for (const position::History::Ended& ended : frame.lineage.history.ancestors()) {
        to.u32(ended.timeline);
        to.lsn(ended.at);
    }
    to.u8(frame.resumes ? 1 : 0);
}

void append(std::string& out, const Tables& frame) {
    Writer to{out, Type::tables};
    to.lsn(frame.floor);
    to.u32(frame.tables.size());
    for (const PublishedTable& table : frame.tables) {
        to.u32(table.oid);
        to.u32(table.root);
        to.u64(static_cast<std::uint64_t>(
            std::clamp(table.rows, 0.0, static_cast<double>(kRowsMost))));
        to.u32(table.key.size());
        for (const std::string& column : table.key) to.text(column);
    }
}

void append(std::string& out, const Stamps& frame) {
    Writer to{out, Type::stamps};
    to.u32(frame.table);
    to.lsn(frame.newest);
    to.lsn(frame.floor);
    to.u32(frame.buckets);
    to.u32(frame.first);
    to.u32(frame.ends.size());
    for (const Lsn end : frame.ends) to.lsn(end);
}

void append(std::string& out, const Transferred& frame) {
    Writer to{out, Type::transferred};
    to.lsn(frame.global_floor);
    to.lsn(frame.watermark);
}

void append(std::string& out, const Changes& frame) {
    out.reserve(out.size() + 64 + frame.rows.size() * 8 + frame.tables.size() * 4);
    Writer to{out, Type::changes};
    to.lsn(frame.commit.start);
    to.lsn(frame.commit.end);
    to.u32(frame.commit.xid);
    to.u8((frame.everything ? 1U : 0U) | (frame.schema ? 2U : 0U));
    to.u32(frame.tables.size());
    for (const std::uint32_t table : frame.tables) to.u32(table);
    const auto run_end = [&](std::size_t from) {
        std::size_t end = from;
        while (end < frame.rows.size() && frame.rows[end].table == frame.rows[from].table) ++end;
        return end;
    };
    std::size_t runs = 0;
    for (std::size_t i = 0; i < frame.rows.size(); i = run_end(i)) ++runs;
    to.u32(runs);
    for (std::size_t i = 0; i < frame.rows.size();) {
        const std::size_t end = run_end(i);
        to.u32(frame.rows[i].table);
        to.u32(end - i);
        for (; i < end; ++i) to.u64(frame.rows[i].key);
    }
}

void append(std::string& out, const Watermark& frame) {
    Writer to{out, Type::watermark};
    to.lsn(frame.lsn);
}

void append(std::string& out, const Floor& frame) {
    Writer to{out, Type::floor};
    to.lsn(frame.lsn);
}

void append(std::string& out, const Ping& frame) {
    Writer to{out, Type::ping};
    to.u64(frame.id);
}

void append(std::string& out, const Pong& frame) {
    Writer to{out, Type::pong};
    to.u64(frame.id);
    to.u64(frame.age_us);
    to.lsn(frame.lsn);
}

void Decoder::push(std::string_view bytes) {
    if (read_ > 0 && read_ >= buffer_.size() / 2) {
        buffer_.erase(0, read_);
        read_ = 0;
    }
    buffer_.append(bytes);
}

Decoder::Next Decoder::next(Frame& frame) {
    const std::string_view rest = std::string_view{buffer_}.substr(read_);
    if (rest.size() < 4) return Next::more;
    Reader in{rest};
    const std::size_t length = in.u32();
    if (length == 0 || length > kFrameMost) return Next::bad;
    if (rest.size() - 4 < length) return Next::more;
    read_ += 4 + length;
    return decode(rest.substr(4, length), frame) ? Next::frame : Next::bad;
}

}  // namespace lintas::feed::wire
