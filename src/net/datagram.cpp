#include <coax/datagram.hpp>

#include <cstring>
#include <stdexcept>

#include "os/datagrams.hpp"

namespace coax {

using detail::batch_block;

datagram_batch::datagram_batch(detail::count<"datagram_batch"> capacity, detail::count<"datagram_batch"> entry_size) {
    const std::size_t count = capacity;
    if (count == 0)
        throw std::invalid_argument("datagram_batch: a capacity of zero");
    block_ = os::make_batch(count, entry_size);
}

datagram_batch::~datagram_batch() {
    if (block_ != nullptr)
        os::batch_delete()(block_);
}

void datagram_batch::resize(detail::count<"datagram_batch::resize"> size) {
    if (size > capacity())
        throw std::length_error("datagram_batch: more entries than its capacity");
    for (std::size_t i = this->size(); i < size; ++i) {
        block_->entries[i] = datagram_entry();
        block_->entries[i].data = {block_->buffer(i), block_->entry_size};
    }
    if (block_ != nullptr)
        block_->size = size;
}

datagram_entry& datagram_batch::add(bytes_view bytes, const address& peer) {
    if (bytes.size() > entry_size())
        throw std::length_error("datagram_batch: more bytes than an entry has room for");
    // Both may be of an entry that this one overwrites.
    const address to = peer;
    resize(size() + 1);
    datagram_entry& entry = block_->entries[size() - 1];
    if (bytes.size() != 0)
        std::memmove(entry.data.data(), bytes.data(), bytes.size());
    entry.data = entry.data.first(bytes.size());
    entry.peer = to;
    return entry;
}

} // namespace coax
