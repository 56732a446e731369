#include "position/token.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace lintas::position {

namespace {

constexpr std::size_t kPlain = 1 + 8 + 4 + 8;
constexpr std::size_t kSignature = 12;
constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

using Bytes = std::array<std::uint8_t, kPlain + kSignature>;

void put(std::uint8_t* at, std::uint64_t value, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) {
        at[i] = static_cast<std::uint8_t>(value >> (8 * (bytes - 1 - i)));
    }
}

std::uint64_t get(const std::uint8_t* at, std::size_t bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) value = (value << 8U) | at[i];
    return value;
}

void sign(const std::string& key, const std::uint8_t* plain, std::uint8_t* signature) {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> full{};
    unsigned length = 0;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), plain, kPlain, full.data(),
         &length);
    std::memcpy(signature, full.data(), kSignature);
}

// 21 and 33 are divisible by three, so no group is partly filled.
static_assert(kPlain % 3 == 0 && (kPlain + kSignature) % 3 == 0);
static_assert((kPlain + kSignature) / 3 * 4 == kTokenLengthMax);

std::string to_base64url(const Bytes& bytes, std::size_t size) {
    std::string text;
    text.reserve(size / 3 * 4);
    for (std::size_t i = 0; i < size; i += 3) {
        const auto group = static_cast<std::uint32_t>(get(bytes.data() + i, 3));
        for (int shift = 18; shift >= 0; shift -= 6) text += kAlphabet[(group >> shift) & 63U];
    }
    return text;
}

/// Size of what was decoded; 0 for anything but whole groups of the alphabet that fit.
std::size_t from_base64url(std::string_view text, Bytes& bytes) {
    if (text.size() % 4 != 0 || text.size() / 4 * 3 > bytes.size()) return 0;
    std::size_t size = 0;
    for (std::size_t i = 0; i < text.size(); i += 4) {
        std::uint32_t group = 0;
        for (std::size_t j = 0; j < 4; ++j) {
            const std::size_t digit = kAlphabet.find(text[i + j]);
            if (digit == std::string_view::npos) return 0;
            group = (group << 6U) | static_cast<std::uint32_t>(digit);
        }
        put(bytes.data() + size, group, 3);
        size += 3;
    }
    return size;
}

}  // namespace

std::string_view describe(TokenError error) {
    switch (error) {
        case TokenError::malformed:
            return "it is not a position that this service gave out";
        case TokenError::bad_signature:
            return "its signature is missing or wrong";
    }
    return "";
}

std::string TokenCodec::encode(std::uint64_t system_id, Position position, ShownBy shown_by) const {
    Bytes bytes{};
    // A later format takes other numbers.
    bytes[0] = static_cast<std::uint8_t>(shown_by);
    put(bytes.data() + 1, system_id, 8);
    put(bytes.data() + 9, position.timeline, 4);
    put(bytes.data() + 13, position.lsn.value, 8);
    if (key_.empty()) return to_base64url(bytes, kPlain);
    sign(key_, bytes.data(), bytes.data() + kPlain);
    return to_base64url(bytes, bytes.size());
}

std::variant<Token, TokenError> TokenCodec::decode(std::string_view text) const {
    Bytes bytes{};
    const std::size_t size = from_base64url(text, bytes);
    const auto shown_by = static_cast<ShownBy>(bytes[0]);
    if ((size != kPlain && size != bytes.size()) ||
        (shown_by != ShownBy::primary && shown_by != ShownBy::replica)) {
        return TokenError::malformed;
    }
    // Signed by somebody who has a key that this process does not know.
    if (key_.empty() && size != kPlain) return TokenError::bad_signature;
    Token token;
    token.shown_by = shown_by;
    if (!key_.empty()) {
        std::array<std::uint8_t, kSignature> expected{};
        sign(key_, bytes.data(), expected.data());
        if (size != bytes.size() ||
            CRYPTO_memcmp(expected.data(), bytes.data() + kPlain, kSignature) != 0) {
            return TokenError::bad_signature;
        }
        token.signed_ = true;
    }
    token.system_id = get(bytes.data() + 1, 8);
    token.position.timeline = static_cast<Timeline>(get(bytes.data() + 9, 4));
    token.position.lsn = Lsn{get(bytes.data() + 13, 8)};
    if (token.position.timeline == 0 || !token.position.lsn) return TokenError::malformed;
    return token;
}

}  // namespace lintas::position
