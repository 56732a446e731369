#include "schema/catalogue.hpp"

#include <functional>

namespace lintas::schema {

const Column* Relation::column(std::string_view column_name) const {
    // Relations are narrow: comparing names in place beats hashing at these sizes.
    for (const Column& column : columns) {
        if (column.name == column_name) return &column;
    }
    return nullptr;
}

std::size_t Catalogue::Hash::operator()(std::string_view name) const {
    return std::hash<std::string_view>{}(name);
}

std::size_t Catalogue::Hash::operator()(const KeyView& key) const {
    const std::size_t first = (*this)(key.first);
    const std::size_t second = (*this)(key.second);
    return first ^ (second + 0x9e3779b97f4a7c15ULL + (first << 6U) + (first >> 2U));
}

Catalogue::Catalogue(std::vector<Relation> relations, std::vector<Function> functions,
                     std::vector<Role> roles, std::uint64_t fingerprint)
    : relations_{std::move(relations)},
      functions_{std::move(functions)},
      roles_{std::move(roles)},
      fingerprint_{fingerprint} {
    relation_index_.reserve(relations_.size());
    for (std::size_t i = 0; i < relations_.size(); ++i) {
        relation_index_.emplace(Key{relations_[i].schema, relations_[i].name}, i);
    }
    function_index_.reserve(functions_.size());
    for (std::size_t i = 0; i < functions_.size(); ++i) {
        function_index_.emplace(Key{functions_[i].schema, functions_[i].name}, i);
    }
    role_index_.reserve(roles_.size());
    for (std::size_t i = 0; i < roles_.size(); ++i) role_index_.emplace(roles_[i].name, i);
}

const Relation* Catalogue::relation(std::string_view schema, std::string_view name) const {
    const auto found = relation_index_.find(KeyView{schema, name});
    return found == relation_index_.end() ? nullptr : &relations_[found->second];
}

const Function* Catalogue::function(std::string_view schema, std::string_view name) const {
    const auto found = function_index_.find(KeyView{schema, name});
    return found == function_index_.end() ? nullptr : &functions_[found->second];
}

const Role* Catalogue::role(std::string_view name) const {
    const auto found = role_index_.find(name);
    return found == role_index_.end() ? nullptr : &roles_[found->second];
}

}  // namespace lintas::schema
