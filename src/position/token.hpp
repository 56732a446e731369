#pragma once
// What a client carries to read its own writes: a position, opaque and signed (POSITIONS section
// 4).

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "position/history.hpp"

namespace lintas::position {

/// Who has shown the client what its position stands for. A replica may show a commit before the
/// primary does, which waits for its synchronous standby; the primary goes back behind nothing that
/// it has shown itself.
enum class ShownBy : std::uint8_t { primary = 1, replica = 2 };

struct Token {
    std::uint64_t system_id = 0;  // of the PostgreSQL cluster: pg_control_system()
    Position position{};
    ShownBy shown_by = ShownBy::primary;
    bool signed_ = false;  // the signature was checked

    bool operator==(const Token&) const = default;
};

enum class TokenError {
    malformed,      // not something that encode() makes, or of another version
    bad_signature,  // missing, or made with another consistency.position_key
};
std::string_view describe(TokenError error);

/// Longest text that encode() makes.
inline constexpr std::size_t kTokenLengthMax = 44;

/// Signs and checks with one key; an empty key makes and takes unsigned tokens.
/// Thread: any, it holds nothing but the key.
class TokenCodec {
 public:
    explicit TokenCodec(std::string key = {}) : key_(std::move(key)) {}

    /// base64url (RFC 4648 section 5, no padding) of version and origin (one byte), system id,
    /// timeline, LSN, all big endian, and 12 bytes of HMAC-SHA-256 (RFC 2104, truncated as its
    /// section 5 allows) when there is a key.
    std::string encode(std::uint64_t system_id, Position position,
                       ShownBy shown_by = ShownBy::primary) const;
    std::variant<Token, TokenError> decode(std::string_view text) const;

 private:
    std::string key_;
};

}  // namespace lintas::position
