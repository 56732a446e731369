#include "feed/pgoutput.hpp"

#include <string>

namespace lintas::feed::pgoutput {

namespace {

using position::Lsn;

std::uint32_t big_endian_32(const char* at) {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) value = (value << 8U) | static_cast<unsigned char>(at[i]);
    return value;
}

/// Reads front to back; after the first thing that is not there, everything is zero and good() is
/// false.
class Reader {
 public:
    explicit Reader(std::string_view bytes) : rest_(bytes) {}

    std::string_view bytes(std::size_t count) {
        if (count > rest_.size()) {
            good_ = false;
            rest_ = {};
            return {};
        }
        const std::string_view taken = rest_.substr(0, count);
        rest_.remove_prefix(count);
        return taken;
    }
    std::uint64_t number(std::size_t width) {
        std::uint64_t value = 0;
        for (const char c : bytes(width)) value = (value << 8U) | static_cast<unsigned char>(c);
        return value;
    }
    std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
    std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
    std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
    Lsn lsn() { return Lsn{number(8)}; }
    std::string_view text() {
        const std::size_t end = rest_.find('\0');
        if (end == std::string_view::npos) {
            bytes(rest_.size() + 1);
            return {};
        }
        const std::string_view taken = rest_.substr(0, end);
        rest_.remove_prefix(end + 1);
        return taken;
    }
    Tuple tuple() {
        const std::uint16_t columns = u16();
        const std::string_view start = rest_;
        for (std::uint16_t i = 0; i < columns && good_; ++i) {
            switch (static_cast<Tuple::Kind>(u8())) {
                case Tuple::Kind::null:
                case Tuple::Kind::unchanged:
                    break;
                case Tuple::Kind::text:
                case Tuple::Kind::binary:
                    bytes(u32());
                    break;
                default:
                    refuse();
            }
        }
        if (!good_) return {};
        return {columns, start.substr(0, start.size() - rest_.size())};
    }
    void refuse() {
        good_ = false;
        rest_ = {};
    }
    bool good() const { return good_; }
    bool at_end() const { return rest_.empty(); }
    std::string_view rest() const { return rest_; }

 private:
    std::string_view rest_;
    bool good_ = true;
};

Relation relation(Reader& in) {
    Relation message;
    message.oid = in.u32();
    message.schema = in.text();
    message.name = in.text();
    message.replica_identity = static_cast<char>(in.u8());
    message.columns = in.u16();
    const std::string_view start = in.rest();
    for (std::uint16_t i = 0; i < message.columns && in.good(); ++i) {
        in.u8();
        in.text();
        in.bytes(8);  // type, type modifier
    }
    message.bytes = start.substr(0, start.size() - in.rest().size());
    return message;
}

Old old_kind(Reader& in, char letter) {
    if (letter == 'K') return Old::identity;
    if (letter == 'O') return Old::full;
    in.refuse();
    return Old::none;
}

Update update(Reader& in) {
    Update message;
    message.relation = in.u32();
    auto letter = static_cast<char>(in.u8());
    if (letter != 'N') {
        message.kind = old_kind(in, letter);
        message.old = in.tuple();
        letter = static_cast<char>(in.u8());
        if (letter != 'N') in.refuse();
    }
    message.row = in.tuple();
    return message;
}

Message decode_known(char letter, Reader& in) {
    switch (letter) {
        case 'B': {
            const Lsn start = in.lsn();
            in.bytes(8);  // the time of the commit
            return Begin{start, in.u32()};
        }
        case 'C': {
            in.u8();  // flags, none yet
            const Lsn start = in.lsn();
            const Lsn end = in.lsn();
            in.bytes(8);  // the time of the commit
            return Commit{start, end};
        }
        case 'M': {
            Emitted message;
            message.transactional = (in.u8() & 1U) != 0;
            message.at = in.lsn();
            message.prefix = in.text();
            message.content = in.bytes(in.u32());
            return message;
        }
        case 'O':
            in.lsn();
            in.text();
            return Origin{};
        case 'Y':
            in.u32();
            in.text();
            in.text();
            return Type{};
        case 'R':
            return relation(in);
        case 'I': {
            Insert message;
            message.relation = in.u32();
            if (in.u8() != 'N') in.refuse();
            message.row = in.tuple();
            return message;
        }
        case 'U':
            return update(in);
        case 'D': {
            Delete message;
            message.relation = in.u32();
            message.kind = old_kind(in, static_cast<char>(in.u8()));
            message.old = in.tuple();
            return message;
        }
        case 'T': {
            Truncate message;
            message.relations = in.u32();
            in.u8();  // CASCADE, RESTART IDENTITY
            message.bytes = in.bytes(std::size_t{message.relations} * 4);
            return message;
        }
        default:
            in.refuse();
            return Origin{};
    }
}

}  // namespace

Tuple::Column Tuple::at(std::uint16_t index) const {
    const char* at = bytes_.data();
    for (std::uint16_t i = 0;; ++i) {
        const auto kind = static_cast<Kind>(*at++);
        std::string_view value;
        if (kind == Kind::text || kind == Kind::binary) {
            value = {at + 4, big_endian_32(at)};
            at += 4 + value.size();
        }
        if (i == index) return {kind, value};
    }
}

Relation::Column Relation::take_column(std::string_view& rest) {
    const bool identity = (static_cast<unsigned char>(rest[0]) & 1U) != 0;
    const std::size_t end = rest.find('\0', 1);
    const Column column{identity, rest.substr(1, end - 1)};
    rest.remove_prefix(end + 1 + 8);
    return column;
}

std::uint32_t Truncate::at(std::uint32_t index) const {
    return big_endian_32(bytes.data() + std::size_t{index} * 4);
}

Result<Message> decode(std::string_view bytes) {
    if (bytes.empty()) return fail(Errc::internal, "the feed sent an empty message");
    Reader in{bytes.substr(1)};
    Message message = decode_known(bytes[0], in);
    if (!in.good() || !in.at_end()) {
        return fail(Errc::internal, std::string{"the feed sent a message of type '"} + bytes[0] +
                                        "' that cannot be read");
    }
    return message;
}

}  // namespace lintas::feed::pgoutput
