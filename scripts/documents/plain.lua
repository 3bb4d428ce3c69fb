-- What a document says, as plain text: for pandoc's `plain` writer, so that its layout is no part of the text.

local function content(element) return element.content end

-- A table as its cells, one after the other.
local function cells(rows, blocks)
  for _, row in ipairs(rows) do
    for _, cell in ipairs(row.cells) do blocks:extend(cell.contents) end
  end
end

local function in_order(table)
  local blocks = pandoc.List(table.caption.long)
  cells(table.head.rows, blocks)
  for _, body in ipairs(table.bodies) do
    cells(body.head, blocks)
    cells(body.body, blocks)
  end
  cells(table.foot.rows, blocks)
  return blocks
end

return { {
  Emph = content, Strong = content, Underline = content, Strikeout = content,
  Superscript = content, Subscript = content, SmallCaps = content,
  Image = function(image) return image.caption end,
  HorizontalRule = function() return {} end,
  Table = in_order,
} }
