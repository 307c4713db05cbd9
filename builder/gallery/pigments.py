"""The paint boxes: for each genre the roles whose colour differs from nature's.

``p0``..``p7`` are eight pigments for what has no natural colour; every artist has favourites among them.
"""

from __future__ import annotations

from builder.gallery.colour import Palette, palette

PIGMENTS: dict[str, Palette] = {
    "Abstract_Expressionism": palette("""
        paper ece6d6  line 14120f  p0 c9482f  p1 e3b23c  p2 2d4f7c  p3 d98f8a  p4 6a7f5a  p5 f0e9da  p6 8a4b2d
        p7 2f2a26
    """),
    "Action_painting": palette("""
        paper d9cdb4  p0 15130f  p1 f1ece0  p2 a9aeb0  p3 a5402b  p4 d8a437  p5 39627a  p6 5e6b3f  p7 6d3f52
    """),
    "Analytical_Cubism": palette("""
        p0 2a2013  p1 cfb37c  p2 8b7d5e  line 17130e
    """),
    "Art_Nouveau_Modern": palette("""
        paper f1e4c3  low f4dfb4  wall e6c79a  gold c79a3f  leaf 5d7a4a  leaf2 9fae78  cloth b5654a
        cloth2 4c7a80  accent a8412f  hair 9c5a2c  skin f0d3ae  flower f0c75e  flower2 e2a09a  line 3a2416
        backdrop cdb98c  sky d9d2b0  water 7fa39a  deep 3f6a70  wood 9a6f45
    """),
    "Baroque": palette("""
        backdrop 2b1d12  wall 4a3620  wood 5a3518  cloth 8a1f1a  cloth2 2a3540  linen f2e3c0  skin e9b98a
        dark 0d0805  gold d9a441  leaf 2f3a1c  leaf2 4f5a2a  glass 2f3a24  sky 4a4a40  low a88a58  stone 8a7a5c
    """),
    "Color_Field_Painting": palette("""
        paper eee6d3  p0 8e1f1c  p1 e0672a  p2 f2b632  p3 3a1420  p4 23407a  p5 1e5a52  p6 c9566e  p7 5b2a63
    """),
    "Contemporary_Realism": palette("""
        wall d8dccb  wall2 b7c2b4  backdrop a9b3ae  wood a8754a  stone b5b3ab  ground a9a878  sun fff0c0
        accent c43a2a  cloth2 3c6f92  linen f4f1e8
    """),
    "Cubism": palette("""
        sky 8fa6a0  low c9c0a0  ground 6b7a45  leaf 3f5a3a  leaf2 7a8a4a  wall d8b47a  wall2 b8793f  roof 8f4a2c
        cloth 3a5a6a  cloth2 6a7f4f  skin dba06a  backdrop 5a5546  wood 8a5a30  water 5a7f80  deep 2f4a50
        linen e0d4b4  line 15110c
    """),
    "Early_Renaissance": palette("""
        gold d9a93a  cloth b8352c  cloth2 23397c  skin e9c69a  linen f0e2cc  stone e3cdb8  accent c2382e
        flower2 e59a8f  flower d8a04a  leaf 3d6a44  wood 9a7434  sky 7fa5c8  low dfe6dc  mid 8fa070  far 9ab0a8
        ground 7f9450  backdrop 3a4f3a  hair 8a5a2c
    """),
    "Expressionism": palette("""
        sky 3d4f9a  low e8a02c  cloud d95a3a  sun ffd83a  far 5a3a8a  mid 2f6a5a  ground 7aa02c  earth c8642c
        leaf 1f5a3a  leaf2 8ab82c  water 1f4a8a  deep 141f4a  wall d8b02c  wall2 c8482c  roof 8a1f2c
        skin c8c85a  hair 1f2a4a  cloth 8a1f3a  cloth2 2c5a9a  accent d8281f  backdrop a83a2c  line 0c0a10
        gold f0b81f  wood 8a4a1f
    """),
    "Fauvism": palette("""
        sky 4fb3d9  low f7a8b8  cloud fff0d0  sun ffe040  far 8a5ad0  mid 20a070  ground f09a30  earth e85a4a
        leaf 108a50  leaf2 8ad040  trunk d0305a  water 2f8ae0  deep 14409a  wall f8c040  wall2 f07a50
        roof e0304a  skin f8b090  hair 2050a0  cloth 20a0a0  cloth2 e04080  accent f02a2a  gold f8d030
        backdrop 40b080  wood c04a30  paper fbf2dc  linen fff6e0
    """),
    "High_Renaissance": palette("""
        sky 8f9f90  low cdbf90  far 6a8280  mid 6a6f48  ground 5f6038  earth a0804a  water 7a9088  cloth 4a3a20
        cloth2 2f4a6a  accent a0402c  skin e0b27c  hair 3a2512  backdrop 2f2a1a  linen e6d6b0  wall 9a8a68
        wall2 7a6c50  stone 8a7c60  leaf 4a5228  leaf2 6f7038
    """),
    "Impressionism": palette("""
        sky 9fc0e0  low f4dcc4  cloud fbeee6  far a8b4d8  mid 8fb08a  ground a8b868  earth d8bf9a  leaf 5f8a50
        leaf2 9ab868  trunk 7a6080  water 7fa8cc  deep 4f7a9a  dark 3a3a5c  linen f8f2e8  flower2 e88aa8
        glass 6a9a80  roof c07a68  stone b8a8b8
    """),
    "Mannerism_Late_Renaissance": palette("""
        sky 4a5a68  low a8b4a8  cloud c8ccc0  skin dcc8a8  cloth b83a5a  cloth2 2f7a80  accent d86a30
        gold d8c43a  leaf 5a8a3a  flower2 e090a8  linen e8ecdc  backdrop 2a3a34  mid 4a5a48  earth 6a6848
        ground 55603f  dark 14140f  stone 9a9c90  far 5f7078  wall2 70786a  wall 8a8f80
    """),
    "Minimalism": palette("""
        paper f1eee6  line 1c1b1a  p0 1e1d1c  p1 c8321f  p2 1f4fa0  p3 e8b81f  p4 2f7a4a  p5 d86a2a  p6 6a6a6c
        p7 9a4a7a
    """),
    "Naive_Art_Primitivism": palette("""
        sky 8fcbe8  low dff0e8  cloud ffffff  far 7fb090  mid 5fa05a  ground 5a9a40  earth d8b078  leaf 1f6a34
        leaf2 4fa040  glass 2f8a6a  trunk 6a4020  wall f4e6c8  wall2 e8a890  roof c8402c  water 4f9ac8
        deep 2f6aa0  flower f8d840  flower2 f07aa0  accent e0302c  fruit e8962c  skin f0c09a  sun ffe880
        linen fbf8f0  cloth c82f3a
    """),
    "New_Realism": palette("""
        paper e8dfc8  stone a8a49a  linen f2efe6  backdrop 5a5248  wood 7a4a2c  p0 1f3fb0  p1 d83a2a  p2 e8c03a
        p3 3a8a6a  p4 d87a9a  p5 f0f0ea  p6 2a2a2c  p7 e8752a  glass 5a7a5a
    """),
    "Northern_Renaissance": palette("""
        backdrop 1a1f1a  wall c8bd9a  wood 6a4424  cloth 9a2420  cloth2 1f3f6a  linen f6f0e0  stone b0a488
        skin e8c4a0  hair 7a4a20  accent b82f24  dark 14110e  gold c89a3a  sky 9ab4b8  low dde4d4  far 8fa8a4
        ground dfe2dc  water a8bcb8  leaf 2f5a34  leaf2 5f7a3a  mid 6a8058
    """),
    "Pointillism": palette("""
        sky 8fb8e0  low f8dcb0  cloud fdf0e0  ground b8c050  earth ecc890  leaf 3f8a4a  leaf2 9ac050
        water 6fa8d8  deep 3f6ab0  far 9aa8e0  mid 7fb080  trunk 7a4a70  dark 2a2a5c  cloth d0503a
        cloth2 3a50a0  stone d8c0a8  roof d8683a
    """),
    "Pop_Art": palette("""
        paper f8f4e8  linen fdfbf4  line 0c0c10  p0 e8202c  p1 fbd81f  p2 f06aa8  p3 1f6ae0  p4 28b8d8
        p5 f88a1f  p6 2fa84a  p7 7a3ab0  stone c8ccd0  gold e8b83a  dark 0c0c10
    """),
    "Post_Impressionism": palette("""
        sky 3f68b0  low a8c8c0  cloud e8ecd0  sun ffe060  far 4f6aa8  mid 4f8a6a  ground a8a83a  earth d8a850
        leaf 1f4a34  leaf2 6a9a3a  trunk 5a3a2c  water 3f7ab0  deep 1f3a70  wall 9ac0d0  wall2 7fa8c8
        roof c85a2c  gold f0c02c  flower f8c81f  fruit e0942a  wood b8742c  accent c8302c  skin e8c080
        backdrop 4f8a90  cloth 2f4a80  cloth2 3a7a5a  line 16203a
    """),
    "Realism": palette("""
        sky a8b0b0  low dcd4bc  cloud d0ccc0  far 8a9490  mid 727a58  ground 7f7a48  earth 98805a  gold b89a58
        leaf 46502c  leaf2 6a6a3a  cloth 6a3a2c  cloth2 3f4f60  linen cfc4ac  skin c8966a  accent 9a4a38
        backdrop 3f372c  water 8a9894  deep 4f5c5a  roof 8a5a40  wood 5f4630
    """),
    "Rococo": palette("""
        sky a8cce0  low fbe8dc  cloud fdf4ee  far b8c8d0  mid a8c0a0  ground b8c08a  leaf 7fa080  leaf2 b0c490
        glass 98b8a8  trunk a08a78  water b8d4dc  deep 8fb0c0  skin fbdcc4  hair d8ccbc  cloth e8a8a8
        cloth2 90b4d0  flower2 f4a8b4  flower f8dca0  accent e87a80  gold ecd090  linen fffaf0  backdrop a8b8a8
        wall f0e0d0  wood c8a078  stone dcd4cc  dark 6a5a58
    """),
    "Romanticism": palette("""
        sky 5a6a7c  low f0cf90  cloud c8b8a0  sun ffe8b0  far 6a7c8c  mid 4a5648  ground 4f4a30  stone 6a6258
        water 4f6a6a  deep 1f3034  leaf 2f3a24  trunk 2f241a  dark 1a1612
    """),
    "Symbolism": palette("""
        sky 3a4a7a  low c8a8b8  cloud a888b0  sun f8e0a0  far 5a5a8a  mid 4a5a5a  ground 3f4a3a  stone 7a7088
        water 3f5a80  deep 1a2444  leaf 1f3a34  leaf2 4a6a5a  skin e8d0c0  hair 6a3a3a  cloth 6a2f5a
        cloth2 2f4f7a  gold d8b050  accent b84a5a  flower f0c860  flower2 d888b8  backdrop 4a3a5a  linen e8e0e8
        dark 14122a
    """),
    "Synthetic_Cubism": palette("""
        paper ece0c0  line 14110e  wood 8a5a30  gold c89a54  backdrop 9a8a70  cloth 2f5a6a  cloth2 3a6a50
        p0 2f5a6a  p1 d8c49a  p2 a84a34  p3 3f6a4a  p4 1c1a18  p5 e8dcc0  p6 c88a3a  p7 7a8a9a  linen f2ead4
        glass 4a7060  skin d8b088  wall b8a888  accent a8402c  fruit c87a3a
    """),
    "Ukiyo_e": palette("""
        sky dcd6b8  low ecdcb0  paper ecdfba  cloud f6efd8  sun c8402c  far 7f98a0  mid 6f8a6a  ground 8a9858
        water 6f98b0  deep 1f3f6a  wood a87a48  gold d8b868  leaf 3f5f48  leaf2 7f9860  trunk 4a3a2c
        skin f2dfc0  dark 1a1a20  line 1a1c28  cloth a8402f  cloth2 2f5a80  accent b8321f  flower2 eaa8a0
        linen f6f0de
    """),
}
