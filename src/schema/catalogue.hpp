#pragma once
// What is known of the database's schema: an immutable snapshot, swapped as a whole on reload.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace lintas::schema {

/// How the text of a key's value can be made canonical, so that two spellings of one row meet in
/// one cache key and one stamp. Domains count as what they are made of.
enum class KeyType {
    other,    // no canonical text is known
    integer,  // int2, int4, int8: decimal digits
    uuid,     // hexadecimal digits, lower-case, with hyphens
    text,     // text, varchar with a deterministic collation: the bytes themselves
};

struct Column {
    std::string name;
    std::string type;  // format_type(): full text, schema-qualified where needed, domains kept
    bool nullable = true;
    bool is_json = false;      // json or jsonb, domains resolved
    bool is_tsvector = false;  // domains resolved
    bool generated = false;    // GENERATED ALWAYS AS (…) STORED: cannot be written
    std::optional<std::string>
        default_sql{};  // expression text; for identity: nextval('…'::regclass);
                        // for a column without one, its domain's default
    KeyType key_type = KeyType::other;
    bool input_reads_clock = true;  // a value like 'today' may mean another one tomorrow: dates and
                                    // times, and whatever is made of types that are not known
};

/// Whether an answer may be kept (POSITIONS 7), as far as the relation alone decides.
enum class Cacheability { yes, no };

enum class RelationKind { table, partitioned, view, materialized_view, foreign };

struct Relation {
    std::string schema;
    std::string name;
    RelationKind kind = RelationKind::table;
    bool insertable = true;
    bool updatable = true;
    bool deletable = true;
    bool row_security = false;        // relrowsecurity: policies see role, claims, headers
    bool has_volatile_parts = false;  // a view's rule or a policy depends on a volatile function
                                      // (views below it included), or its text calls set_config
    bool may_set_response =
        false;              // a write runs triggers, rules, policies or functions, which may
                            // set response.headers: look before COMMIT. True for every view,
                            // foreign and partitioned table (partitions have triggers too)
    bool cascades = false;  // an update or delete writes to other tables, which have triggers too
    std::vector<Column> columns{};  // in attnum order
    std::vector<std::string>
        primary_key{};  // in key order; of views: traced to the base table if simple
    std::vector<std::vector<std::string>>
        unique_keys{};  // not-null unique indexes and the primary key, plain columns only

    std::uint32_t oid = 0;
    std::vector<std::uint32_t>
        reads{};  // relations whose rows an answer depends on, itself included: tables,
                  // materialized views, foreign tables, through views, policies and inheritance; a
                  // partition is its root. Sorted, unique.
    std::vector<std::size_t>
        row_key{};  // indexes into `columns` of the primary key, in key order; empty unless an
                    // ordinary table without children whose key columns all have a KeyType
    bool needs_primary = true;  // reads what a replica does not have or cannot read: unlogged,
                                // temporary, foreign, a sequence
    bool reads_materialized = false;  // of `reads`, one changes by REFRESH alone
    bool reads_claims = true;         // the answer depends on the role and claims of who asks
    Cacheability cacheability = Cacheability::no;
    std::string why_not_cacheable = "unknown";  // plain words; empty if it is

    const Column* column(std::string_view column_name) const;
};

/// A function, as far as OPTIONS and a truthful 404 need it; calling comes with its own issue.
struct Function {
    std::string schema;
    std::string name;
    char volatility = 'v';  // i, s, v
};

/// A role this connection may become, with the settings `ALTER ROLE … SET` gave it (DIALECT 3.2).
struct Role {
    std::string name;
    std::vector<std::pair<std::string, std::string>>
        settings{};           // in catalogue order, those it may set itself
    std::string isolation{};  // default_transaction_isolation if set: "read committed", "repeatable
                              // read", "serializable"
};

class Catalogue {
 public:
    Catalogue(std::vector<Relation> relations, std::vector<Function> functions,
              std::vector<Role> roles, std::uint64_t fingerprint = 0);

    const Relation* relation(std::string_view schema, std::string_view name) const;
    const Function* function(std::string_view schema, std::string_view name) const;
    const Role* role(std::string_view name) const;

    const std::vector<Relation>& relations() const { return relations_; }

    /// Equal for two loads iff all that was read is equal, definitions of views, policies and the
    /// functions that they call included; privileges are not. The same on every host and build, and
    /// on a physical replica that is read as the same user.
    std::uint64_t fingerprint() const { return fingerprint_; }
    /// ReloadHooks::epoch, asked before the catalogue was read: every change of the schema that was
    /// counted by then is in it.
    std::uint64_t epoch() const { return epoch_; }
    void set_epoch(std::uint64_t epoch) { epoch_ = epoch; }

 private:
    // Keys are copies, so that a copied or moved Catalogue needs no new index; lookups take views
    // and allocate nothing.
    using Key = std::pair<std::string, std::string>;
    using KeyView = std::pair<std::string_view, std::string_view>;
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(const KeyView& key) const;
        std::size_t operator()(const Key& key) const { return (*this)(KeyView{key}); }
        std::size_t operator()(std::string_view name) const;
    };
    struct Equal {
        using is_transparent = void;
        template <class A, class B>
        bool operator()(const A& a, const B& b) const {
            return a == b;
        }
        template <class A, class B, class C, class D>
        bool operator()(const std::pair<A, B>& a, const std::pair<C, D>& b) const {
            return a.first == b.first && a.second == b.second;
        }
    };

    std::vector<Relation> relations_;
    std::vector<Function> functions_;
    std::vector<Role> roles_;
    std::uint64_t fingerprint_;
    std::uint64_t epoch_ = 0;
    std::unordered_map<Key, std::size_t, Hash, Equal> relation_index_;
    std::unordered_map<Key, std::size_t, Hash, Equal> function_index_;
    std::unordered_map<std::string, std::size_t, Hash, Equal> role_index_;
};

using Snapshot = std::shared_ptr<const Catalogue>;

}  // namespace lintas::schema
