"""ControlNet branch: structure as features, and a copy of a U-Net's encoder that turns them into residuals."""

from __future__ import annotations

from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

from synthaug.networks.blocks import plane_convolution, zero_initialised
from synthaug.networks.unet import Context, LatentUNet


class StructureEncoder(nn.Module):
    """Structure at the resolution of the images as features on the grid of the latents.

    A strided convolution sees all voxels of a latent cell, so that a border within a cell is not lost.

    Parameters
    ----------
    inputs : int
        Channels of the structure.
    width : int
        Feature channels.
    cell : tuple of 3 ints
        Frames, rows and columns of a latent cell; rows and columns are padded with 0 behind the last.
    """

    def __init__(self, inputs: int, width: int, cell: tuple[int, int, int]) -> None:
        super().__init__()
        self.cell = cell
        frames, rows, columns = cell
        self.cells = nn.Conv3d(frames * inputs, width, (1, rows, columns), stride=(1, rows, columns))
        self.around = plane_convolution(width, width)

    def forward(self, structure: Tensor, slices: Tensor) -> Tensor:
        """Features (b, t', width, z, y', x') of structure (b, t, c, z, y, x); `slices` (b, 1, z, 1, 1)."""
        frames, rows, columns = self.cell
        count = structure.shape[1] // frames
        beyond = (0, -structure.shape[-1] % columns, 0, -structure.shape[-2] % rows)
        merged = rearrange(
            functional.pad(structure, beyond), "b (t f) c z y x -> (b t) (f c) z y x", f=frames
        )
        features = functional.silu(self.around(functional.silu(self.cells(merged))))
        return rearrange(features, "(b t) c z y x -> b t c z y x", t=count) * slices[:, None]


class EncoderCopy(nn.Module):
    """Residuals for a U-Net, by a copy of its encoder and middle between zero convolutions.

    Residuals   z_2(encode(x + z_1(m); theta_c)),  one for each skip connection and one for the middle

    Parameters
    ----------
    unet : LatentUNet
        The U-Net whose encoder is copied with its weights.
    width : int
        Channels of the features m as the U-Net's layout has them.

    References
    ----------
    Zhang et al., ControlNet, ICCV 2023; Kim et al., Controllable Text-to-Image Synthesis for Multi-Modality MR Images,
    equations 2 and 3. Equation 3 prints z(x) for what the text calls the zero convolution of the condition.
    """

    def __init__(self, unet: LatentUNet, width: int) -> None:
        super().__init__()
        self.encoder = unet.encoder_copy()
        self.before = zero_initialised(nn.Conv3d(width, unet.skips[0], 1))
        self.after = nn.ModuleList(
            zero_initialised(nn.Conv3d(channels, channels, 1)) for channels in unet.skips
        )

    def forward(
        self,
        structure: Tensor,
        scale: Tensor,
        features: Tensor,
        slices: Tensor,
        embedding: Tensor,
        frames: int,
        context: Context | None,
    ) -> list[Tensor]:
        """Residuals of `LatentUNet.forward`, whose features, slices, embedding, frames and context are given too.

        Parameters
        ----------
        structure : Tensor, shape ((b t), width, z, y, x)
            Features of the structure in the layout of the U-Net.
        scale : Tensor
            Factor of the residuals, broadcast against the features.
        """
        encoded = self.encoder.encode(
            features, slices, embedding, frames, context, added=self.before(structure)
        )
        return [scale * layer(part) for layer, part in zip(self.after, encoded, strict=True)]
